/** From a request and the resource as it is to the one JSON patch that records the request, or to nothing. Pure. */
import type { PatchOperation, SlurmCluster, WorkerGroupSpec } from "../kubernetes/slurm-cluster.ts";
import { resolveNames } from "../slurm/node-name.ts";
import { type Action, type GroupSets, planGroup } from "./group-sets.ts";

/** What is wanted of the workers of some groups: indexes by group. */
export interface PlannedRequest {
  readonly action: Action;
  readonly byGroup: ReadonlyMap<string, ReadonlySet<number>>;
}

/** The names of the resource's worker groups, in its order. */
export function groupNames(cluster: SlurmCluster): ReadonlySet<string> {
  return new Set(workerGroups(cluster).flatMap(({ groupName }) => (groupName === undefined ? [] : [groupName])));
}

/**
 * The patch that records requests, one after the other, for all their groups at once; empty when the resource already says so.
 *
 * It tests uid and generation, so that it applies to the very object that was read (a status write moves neither), and each group's
 * name at its index, and then writes only the fields that change. `requests` may only name groups of {@link groupNames}.
 */
export function buildPatch(cluster: SlurmCluster, requests: readonly PlannedRequest[]): PatchOperation[] {
  const { name, uid, generation } = cluster.metadata;
  // A status older than the spec may list Pods that were parked meanwhile; it then only tells about the nodes asked for.
  const statusIsOld = (cluster.status?.observedGeneration ?? generation) < generation;
  const available = resolveNames(cluster.status?.availableWorkers ?? [], name, groupNames(cluster)).byGroup;
  const groups = workerGroups(cluster);
  const writes: PatchOperation[] = [];
  for (const group of new Set(requests.flatMap(({ byGroup }) => [...byGroup.keys()]))) {
    const asked = requests.map(({ action, byGroup }) => ({ action, indexes: byGroup.get(group) ?? new Set<number>() }));
    const position = groups.findIndex(({ groupName }) => groupName === group);
    const spec = groups[position];
    if (spec === undefined) throw new Error(`worker group ${group} is not in SlurmCluster ${name}`);
    const path = `/spec/workerGroupSpecs/${position}`;
    const listed = available.get(group) ?? new Set<number>();
    const running = statusIsOld ? listed.intersection(new Set(asked.flatMap(({ indexes }) => [...indexes]))) : listed;
    const planned = planGroup(name, group, readSets(spec, name, group, running), asked);
    const changes = [
      ...changedList(`${path}/podsToBeCreated`, spec.podsToBeCreated, planned.created),
      ...changedList(`${path}/podsToBeDeleted`, spec.podsToBeDeleted, planned.deleted),
      ...(planned.replicas === replicasOf(spec) ? [] : [write(`${path}/${replicasField(spec)}`, planned.replicas)]),
    ];
    if (changes.length > 0) writes.push(test(`${path}/groupName`, group), ...changes);
  }
  return writes.length === 0 ? [] : [test("/metadata/uid", uid), test("/metadata/generation", generation), ...writes];
}

function readSets(spec: WorkerGroupSpec, cluster: string, group: string, available: ReadonlySet<number>): GroupSets {
  const names = resolveNames(spec.podsToBeDeleted ?? [], cluster, new Set([group]));
  return {
    created: new Set((spec.podsToBeCreated ?? []).filter((index) => Number.isInteger(index) && index >= 0)),
    deleted: names.byGroup.get(group) ?? new Set(),
    foreign: names.refused.map(({ name }) => name).sort(),
    replicas: replicasOf(spec),
    available,
  };
}

function workerGroups(cluster: SlurmCluster): readonly WorkerGroupSpec[] {
  return cluster.spec.workerGroupSpecs ?? [];
}

/** Older clusters spell `replicas` as `workerCount`; a `replicas` of 0 beside it is the CRD's default and says nothing. */
function replicasField(spec: WorkerGroupSpec): "replicas" | "workerCount" {
  return !spec.replicas && typeof spec.workerCount === "number" ? "workerCount" : "replicas";
}

function replicasOf(spec: WorkerGroupSpec): number {
  return spec[replicasField(spec)] ?? 0;
}

/** A missing list and an empty one are the same, so nothing is written where nothing is said. */
function changedList<Item>(
  path: string,
  current: readonly Item[] | null | undefined,
  planned: readonly Item[],
): PatchOperation[] {
  const before = current ?? [];
  const same = before.length === planned.length && planned.every((item, position) => item === before[position]);
  return same ? [] : [write(path, planned)];
}

function test(path: string, value: unknown): PatchOperation {
  return { op: "test", path, value };
}

/** JSON patch "add" sets a member whether it is there or not (RFC 6902, 4.1). */
function write(path: string, value: unknown): PatchOperation {
  return { op: "add", path, value };
}
