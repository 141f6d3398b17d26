/** Everything of a cluster but its workers. */
import { childName } from "../names.ts";
import type { OperatedCluster } from "../operated-cluster.ts";
import { buildAccess } from "./access.ts";
import { buildDaemon } from "./daemon.ts";
import { buildHead } from "./head.ts";
import type { Manifest } from "./manifest.ts";
import type { BuildContext } from "./pod.ts";
import { buildClusterService, buildDaemonService, buildSshService } from "./services.ts";

/** An object that must not be there. */
export type Unwanted = { readonly kind: "Deployment" | "Service"; readonly name: string };

/** What must be there, in the order in which it is made, and what must not. */
export interface Children {
  readonly wanted: readonly Manifest[];
  readonly unwanted: readonly Unwanted[];
}

const ports = { slurmdbd: 6819, slurmrestd: 6820 } as const;

/** Builds a cluster's children. */
export function buildChildren(cluster: OperatedCluster, context: BuildContext): Children {
  const { head } = cluster;
  const wanted: Manifest[] = [buildClusterService(cluster)];
  const unwanted: Unwanted[] = [];
  // An account of the site's own has the rights that the site gave it.
  if (head !== undefined && !head.template.spec.serviceAccountName) wanted.push(...buildAccess(cluster));
  for (const type of ["slurmdbd", "slurmrestd"] as const) {
    const daemon = cluster[type];
    const name = childName(cluster.name, type);
    if (daemon === undefined) unwanted.push({ kind: "Deployment", name }, { kind: "Service", name });
    else wanted.push(buildDaemonService(cluster, type, ports[type]), buildDaemon(cluster, type, daemon, context));
  }
  if (head !== undefined) wanted.push(buildHead(cluster, head, context));
  if (head?.sshService !== undefined) wanted.push(buildSshService(cluster, head.sshService));
  else unwanted.push({ kind: "Service", name: childName(cluster.name, "ssh") });
  return { wanted, unwanted };
}
