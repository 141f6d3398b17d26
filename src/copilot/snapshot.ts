/** What the copilot sees at one moment: Slurm's nodes, the resource's lists, the Pods. Pure. */
import type { ContainerEnds } from "../kubernetes/container-ends.ts";
import type { SlurmCluster } from "../kubernetes/slurm-cluster.ts";
import type { WorkerPod } from "../kubernetes/worker-pods.ts";
import { groupNames } from "../scaling/patch.ts";
import { type ParsedNodeName, parseNodeName } from "../slurm/node-name.ts";
import type { NodeRecord } from "../slurm/node-record.ts";

/** One worker as all three know it. At least one of `node`, `pod`, `wanted`, `unwanted` is there, or there would be no entry. */
export interface Worker {
  readonly name: string;
  /** Absent when the name does not belong to a worker group of the resource. */
  readonly group?: string;
  /** Slurm's record; absent when Slurm has no such node, as its list is complete. */
  readonly node?: NodeRecord;
  readonly pod?: WorkerPod;
  /**
   * Ends of the container that runs slurmd, as the resource names it: others may stand before it in the Pod itself. Absent as long as it
   * never ended, and where it is not known which one it is.
   */
  readonly slurmdEnds?: ContainerEnds;
  /** Its Pod was made just now in the place of another one, under the jobs of its node. */
  readonly podReplaced?: boolean;
  /** The container of slurmd ended just now under the jobs of its node. */
  readonly containerEnded?: boolean;
  /** Its index is in podsToBeCreated. */
  readonly wanted: boolean;
  /** Its name is in podsToBeDeleted. */
  readonly unwanted: boolean;
  /** The operator's status lists it. */
  readonly available: boolean;
}

/** Everything that the rules may look at. It is only made of readings that are complete and fresh. */
export interface Snapshot {
  readonly cluster: string;
  readonly workers: ReadonlyMap<string, Worker>;
  /** Seconds for which a node that is powered down is not used again, in the partition where that is shortest. */
  readonly shortestSuspendTimeout: number;
  /** Why the SlurmCluster is not ready, in the operator's words on one line; absent where it says nothing. */
  readonly operatorReason?: string;
}

/** Puts the three readings together. Nodes of Slurm that are not named like workers of this cluster are none of our concern. */
export function makeSnapshot(reading: {
  readonly resource: SlurmCluster;
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly pods: ReadonlyMap<string, WorkerPod>;
  readonly shortestSuspendTimeout: number;
}): Snapshot {
  const { resource, nodes, pods, shortestSuspendTimeout } = reading;
  const cluster = resource.metadata.name;
  const groups = groupNames(resource);
  const slurmdContainers = new Map<string | undefined, string | undefined>();
  const wanted = new Set<string>();
  const unwanted = new Set<string>();
  for (const { groupName, podsToBeCreated, podsToBeDeleted, slurmdContainer } of resource.spec.workerGroupSpecs ?? []) {
    slurmdContainers.set(groupName, slurmdContainer);
    for (const index of podsToBeCreated ?? []) wanted.add(`${cluster}-worker-${groupName}-${index}`);
    for (const name of podsToBeDeleted ?? []) unwanted.add(name);
  }
  const available = new Set(resource.status?.availableWorkers ?? []);
  const parse = (name: string): ParsedNodeName => parseNodeName(name, cluster, groups);
  const ours = [...nodes.keys()].filter((name) => parse(name).refusal !== "NotOfThisCluster");
  const workers = new Map<string, Worker>();
  for (const name of new Set([...ours, ...pods.keys(), ...wanted, ...unwanted])) {
    const { group } = parse(name) as { group?: string };
    const node = nodes.get(name);
    const pod = pods.get(name);
    const slurmdEnds = pod?.ends?.find(({ container }) => container === slurmdContainers.get(group));
    workers.set(name, {
      name,
      ...(group !== undefined && { group }),
      ...(node !== undefined && { node }),
      ...(pod !== undefined && { pod }),
      ...(slurmdEnds !== undefined && { slurmdEnds }),
      wanted: wanted.has(name),
      unwanted: unwanted.has(name),
      available: available.has(name),
    });
  }
  const operatorReason = (resource.status?.reason ?? "").replace(/\s+/g, " ").trim();
  return { cluster, workers, shortestSuspendTimeout, ...(operatorReason !== "" && { operatorReason }) };
}
