/** The state that a system must come back to after anything: Slurm, resource and Pods agree that there is nothing to do. */
import { isDeepStrictEqual } from "node:util";
import { type ChartCluster, patience } from "./chart-cluster.ts";
import { waitFor } from "./wait-for.ts";

interface Resource {
  readonly spec: {
    readonly workerGroupSpecs: readonly {
      readonly groupName: string;
      readonly replicas?: number;
      readonly podsToBeCreated?: readonly number[];
      readonly podsToBeDeleted?: readonly string[];
    }[];
  };
  readonly status: { readonly state: string; readonly availableWorkers?: readonly string[] };
}

/**
 * Waits until every node is idle~ (none DOWN, none drained), there is no worker Pod, the lists of each group are empty, and the
 * resource is ready.
 */
export async function untilAllParked({ cluster, inHead, name, workerPods }: ChartCluster): Promise<void> {
  const look = async () => {
    const states = await inHead("sinfo", "--noheader", "--Node", "--format=%T");
    const text = await cluster.kubectl(["get", "slurmcluster", name, "--output=json"]);
    const { spec, status } = JSON.parse(text) as Resource;
    const groups = spec.workerGroupSpecs.map(({ replicas = 0, podsToBeCreated = [], podsToBeDeleted = [] }) =>
      JSON.stringify({ replicas, podsToBeCreated, podsToBeDeleted }),
    );
    return {
      nodes: [...new Set(states.split("\n").filter(Boolean))],
      pods: await workerPods(),
      groups: [...new Set(groups)],
      status: { state: status.state, availableWorkers: status.availableWorkers ?? [] },
    };
  };
  const agreed = {
    nodes: ["idle~"],
    pods: [],
    groups: [JSON.stringify({ replicas: 0, podsToBeCreated: [], podsToBeDeleted: [] })],
    status: { state: "ready", availableWorkers: [] },
  };
  await waitFor("Slurm, resource and Pods to agree", look, (seen) => isDeepStrictEqual(seen, agreed), patience);
}
