import type { SlurmCluster, WorkerGroupSpec } from "../../src/kubernetes/slurm-cluster.ts";

/** A SlurmCluster named `demo` as the API would return it, with fields that the agent does not know. */
export function slurmCluster(groups: readonly WorkerGroupSpec[], availableWorkers?: readonly string[]): SlurmCluster {
  return {
    metadata: { name: "demo", namespace: "default", uid: "6f1c", generation: 3 },
    spec: { workerGroupSpecs: groups, mungeConfPath: "/var/munge" } as SlurmCluster["spec"],
    ...(availableWorkers && { status: { availableWorkers } }),
  };
}
