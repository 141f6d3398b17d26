/**
 * What is to be done about the workers of a cluster. Pure: every rule about what is created and what is deleted is here.
 *
 * For a group with C = podsToBeCreated, X = podsToBeDeleted and R = replicas:
 *
 * - Desired are C without X. Where that is fewer than R, indexes that X does not name are added: live ones first, then the lowest.
 * - Deleted is what X names and C does not, in whatever phase; and in a group that Slurm never managed, what is more than R, highest
 *   index first, as a StatefulSet does. Of the latter only what this operator made: another one, which it follows, may have emptied the
 *   lists of workers that run.
 * - In a group that Slurm manages (a list is not empty, or a Pod bears the mark) R is a floor alone: what is live, not desired and not
 *   named stays. Lists that were wiped by somebody thus cost no worker.
 * - An index in both lists is neither created nor deleted.
 * - A desired Pod that has ended is deleted, to be made again.
 * - A name that exists, in whatever state, is not created: one that is being deleted blocks until it is gone.
 */
import { parseNodeName, workerName } from "../slurm/node-name.ts";
import { LONGEST_HOST_NAME } from "./names.ts";
import { hasEnded, type ObservedPod } from "./observed-pod.ts";
import type { OperatedCluster, OperatedGroup } from "./operated-cluster.ts";

/** Why a worker's Pod is deleted, in the word that goes to log and Event. */
export type RemovalReason = "NamedForDeletion" | "SurplusWorker" | "GroupRemoved" | "PodEnded";

/** A Pod to be deleted. */
export interface Removal {
  readonly pod: ObservedPod;
  readonly reason: RemovalReason;
}

/** What is to be done about a group. */
export interface GroupPlan {
  readonly group: string;
  /** Names of the workers that are to be there. */
  readonly desired: readonly string[];
  /** Indexes to be created, ascending. */
  readonly create: readonly number[];
  readonly remove: readonly Removal[];
  /** Whether Slurm manages it. */
  readonly managed: boolean;
  /** Live Pods of a managed group without the mark. */
  readonly unmarked: readonly ObservedPod[];
  /** Live workers that nobody asks for and that stay. */
  readonly surplus: readonly string[];
  /** Names in both lists. */
  readonly contradictory: readonly string[];
  /** Names in podsToBeDeleted that are not workers of this group. */
  readonly foreignNames: readonly string[];
  /** Desired names that are longer than a host name may be. */
  readonly tooLong: readonly string[];
}

/** What is to be done about the workers of a cluster. */
export interface WorkersPlan {
  readonly groups: readonly GroupPlan[];
  /** Workers of groups that the resource no longer has. */
  readonly orphans: readonly Removal[];
}

/** Plans a cluster's workers. `pods`: all Pods that bear its label; those it does not own are nobody's to delete. */
export function planWorkers(
  cluster: Pick<OperatedCluster, "name" | "uid" | "groups">,
  pods: readonly ObservedPod[],
): WorkersPlan {
  const names = new Set(cluster.groups.map(({ name }) => name));
  const byGroup = new Map<string, Map<number, ObservedPod>>();
  const orphans: Removal[] = [];
  for (const pod of pods) {
    if (pod.owner !== cluster.uid || pod.type !== "worker") continue;
    const parsed = parseNodeName(pod.name, cluster.name, names);
    if (parsed.refusal === undefined) {
      const group = byGroup.get(parsed.group) ?? new Map<number, ObservedPod>();
      byGroup.set(parsed.group, group.set(parsed.index, pod));
    } else if (isOfRemovedGroup(pod, cluster.name, names) && pod.deleted === undefined) {
      orphans.push({ pod, reason: "GroupRemoved" });
    }
  }
  return {
    groups: cluster.groups.map((group) => planGroup(cluster.name, group, byGroup.get(group.name) ?? new Map())),
    orphans,
  };
}

/** Only of a Pod whose labels say so and agree with its name is it certain that its group is gone. */
function isOfRemovedGroup({ group, index, name }: ObservedPod, cluster: string, groups: ReadonlySet<string>): boolean {
  return group !== undefined && index !== undefined && !groups.has(group) && name === workerName(cluster, group, index);
}

function planGroup(cluster: string, group: OperatedGroup, pods: ReadonlyMap<number, ObservedPod>): GroupPlan {
  const { created, deleted, replicas } = group;
  const nameOf = (index: number): string => workerName(cluster, group.name, index);
  const parsedNames = deleted.map((name) => parseNodeName(name, cluster, new Set([group.name])));
  const unwanted = new Set(parsedNames.flatMap((parsed) => (parsed.refusal === undefined ? [parsed.index] : [])));
  const live = ascending([...pods].filter(([, pod]) => pod.deleted === undefined).map(([index]) => index));
  const managed = created.size > 0 || deleted.length > 0 || [...pods.values()].some(({ powerManaged }) => powerManaged);

  const desired = new Set(created.difference(unwanted));
  for (const index of live) if (desired.size < replicas && !unwanted.has(index)) desired.add(index);
  for (let index = 0; desired.size < replicas; index += 1) if (!unwanted.has(index)) desired.add(index);

  const remove: Removal[] = [];
  const surplus: string[] = [];
  for (const index of live.toReversed()) {
    const pod = pods.get(index) as ObservedPod;
    if (unwanted.has(index)) {
      if (!created.has(index)) remove.push({ pod, reason: "NamedForDeletion" });
    } else if (desired.has(index)) {
      if (hasEnded(pod)) remove.push({ pod, reason: "PodEnded" });
    } else if (managed || pod.templateHash === undefined) {
      surplus.push(pod.name);
    } else {
      remove.push({ pod, reason: "SurplusWorker" });
    }
  }
  const removed = new Set(remove.map(({ pod }) => pod.name));
  const staying = live.map((index) => pods.get(index) as ObservedPod).filter(({ name }) => !removed.has(name));
  const missing = ascending([...desired]).filter((index) => !pods.has(index));
  const fits = (index: number): boolean => nameOf(index).length <= LONGEST_HOST_NAME;
  return {
    group: group.name,
    desired: ascending([...desired]).map(nameOf),
    create: missing.filter(fits),
    remove,
    managed,
    unmarked: managed ? staying.filter((pod) => !pod.powerManaged) : [],
    surplus: surplus.toReversed(),
    contradictory: ascending([...created.intersection(unwanted)]).map(nameOf),
    foreignNames: parsedNames.flatMap((parsed) => (parsed.refusal === undefined ? [] : [parsed.name])),
    tooLong: missing.filter((index) => !fits(index)).map(nameOf),
  };
}

function ascending(indexes: readonly number[]): number[] {
  return indexes.toSorted((a, b) => a - b);
}
