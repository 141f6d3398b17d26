/** SlurmClusters for tests of the operator's pure parts. */
import type { ObservedPod } from "../../src/operator/observed-pod.ts";
import { type OperatedCluster, toOperatedCluster } from "../../src/operator/operated-cluster.ts";

/** Reads a specification as the API would return it; namespace `hpc`, cluster `demo`. */
export function clusterOf(spec: object, metadata: object = {}): OperatedCluster {
  const cluster = toOperatedCluster({
    metadata: { name: "demo", namespace: "hpc", uid: "uid-of-demo", generation: 3, ...metadata },
    spec,
  });
  if (cluster === undefined) throw new Error("this is no SlurmCluster");
  return cluster;
}

/** A Pod template that is valid. */
export const podTemplate = {
  spec: { containers: [{ name: "slurmd", image: "worker", resources: { limits: { cpu: "2", memory: "1Gi" } } }] },
};

/** A worker of group cpu as the operator sees it, live and ready unless `changes` says otherwise. */
export function observedWorker(index: number, changes: Partial<ObservedPod> = {}): ObservedPod {
  return {
    name: `demo-worker-${changes.group ?? "cpu"}-${index}`,
    namespace: "hpc",
    cluster: "demo",
    type: "worker",
    uid: `uid-${index}`,
    owner: "uid-of-demo",
    group: "cpu",
    index,
    phase: "Running",
    ready: true,
    created: 0,
    powerManaged: false,
    ...changes,
  };
}
