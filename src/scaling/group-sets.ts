/**
 * The three sets of a worker group, and what a request makes of them. Pure: every rule about what may be created or deleted is here.
 *
 * - created C = podsToBeCreated: indexes that must exist.
 * - deleted X = podsToBeDeleted: Pods that must not exist. Only a name in X ever deletes; "missing" never does.
 * - replicas R: a floor for the number of workers, never a reason to delete.
 */
import { workerName } from "../slurm/node-name.ts";

/**
 * What is wanted of nodes: `resume` wakes them, `suspend` parks them; `forget` takes names out of podsToBeDeleted whose Pods are gone, so
 * that the list stays short.
 */
export type Action = "resume" | "suspend" | "forget";

/** What is wanted of some workers of a group. */
export interface GroupRequest {
  readonly action: Action;
  readonly indexes: ReadonlySet<number>;
}

/** A worker group's sets as the resource has them; created and deleted may overlap and `foreign` may be anything. */
export interface GroupSets {
  readonly created: ReadonlySet<number>;
  /** Indexes of the names in podsToBeDeleted that are workers of this group. */
  readonly deleted: ReadonlySet<number>;
  /** Names in podsToBeDeleted that are not workers of this group: not ours to interpret, so they are kept. */
  readonly foreign: readonly string[];
  readonly replicas: number;
  /** Indexes whose Pods run, as `status.availableWorkers` says. */
  readonly available: ReadonlySet<number>;
}

/** A worker group's sets after a request: disjoint, without duplicates, in ascending order. */
export interface PlannedSets {
  readonly created: readonly number[];
  readonly deleted: readonly string[];
  readonly replicas: number;
}

/**
 * What requests make of a group, one after the other.
 *
 * - resume(i): C gains i, X loses it. suspend(i): C loses i, X gains it. forget(i): X loses it. A repeat changes nothing.
 * - Workers that run without being named in C are taken into it, so that nothing hangs on the floor R alone.
 * - An index in both sets (a hand edit, or lists that were only ever appended to) is contradictory. If its Pod runs it stays wanted;
 *   else it leaves both sets, which neither starts a Pod nor ends one. R, which most likely counted it, goes down by one: while it did not,
 *   an operator would make another worker to fill the floor, and a floor that is too low hurts nobody.
 * - R moves by the change in real membership and never below 0.
 */
export function planGroup(
  cluster: string,
  group: string,
  before: GroupSets,
  requests: readonly GroupRequest[],
): PlannedSets {
  let sets: Membership = { created: membersOf(before), deleted: before.deleted.difference(before.created) };
  let replicas = Math.max(0, before.replicas - before.created.difference(sets.created).size);
  for (const request of requests) {
    const after = applied(request, sets);
    replicas = Math.max(0, replicas + after.created.size - sets.created.size);
    sets = after;
  }
  return {
    created: ascending(sets.created),
    deleted: [...ascending(sets.deleted).map((index) => workerName(cluster, group, index)), ...before.foreign],
    replicas,
  };
}

interface Membership {
  readonly created: ReadonlySet<number>;
  readonly deleted: ReadonlySet<number>;
}

function applied({ action, indexes }: GroupRequest, { created, deleted }: Membership): Membership {
  switch (action) {
    case "resume":
      return { created: created.union(indexes), deleted: deleted.difference(indexes) };
    case "suspend":
      return { created: created.difference(indexes), deleted: deleted.union(indexes) };
    case "forget":
      return { created, deleted: deleted.difference(indexes) };
  }
}

/** The indexes that count as running before a request: named in C and not contradicted, or available and not in X. */
function membersOf({ created, deleted, available }: GroupSets): Set<number> {
  const members = new Set<number>();
  for (const index of created) if (!deleted.has(index) || available.has(index)) members.add(index);
  for (const index of available) if (!deleted.has(index)) members.add(index);
  return members;
}

function ascending(indexes: ReadonlySet<number>): number[] {
  return [...indexes].sort((a, b) => a - b);
}
