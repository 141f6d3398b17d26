/** The Services of a cluster. */
import { childName, labels, type NodeType } from "../names.ts";
import type { SshService } from "../operated-cluster.ts";
import { childMetadata, type Manifest, type Owner } from "./manifest.ts";

/**
 * Gives head and workers their DNS names, `<pod>.<cluster>.<namespace>.svc`, also before they are ready: slurmd must find slurmctld to
 * become so.
 */
export function buildClusterService(owner: Owner): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: childMetadata(owner, owner.name, { [labels.cluster]: owner.name }),
    spec: { clusterIP: "None", publishNotReadyAddresses: true, selector: { [labels.cluster]: owner.name } },
  };
}

/** ssh into the head. */
export function buildSshService(owner: Owner, { annotations, port, type }: SshService): Manifest {
  const selector = { [labels.cluster]: owner.name, [labels.nodeType]: "head" };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...childMetadata(owner, childName(owner.name, "ssh"), selector), annotations },
    spec: { type, selector, ports: [{ name: "ssh", port, targetPort: 22, protocol: "TCP" }] },
  };
}

/** Leads to a daemon's Deployment. */
export function buildDaemonService(owner: Owner, type: NodeType & ("slurmdbd" | "slurmrestd"), port: number): Manifest {
  const selector = { [labels.cluster]: owner.name, [labels.nodeType]: type };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: childMetadata(owner, childName(owner.name, type), selector),
    spec: { type: "ClusterIP", selector, ports: [{ name: type, port, targetPort: port, protocol: "TCP" }] },
  };
}
