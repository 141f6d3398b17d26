/**
 * From a snapshot to what is to be done. Pure: the same snapshot, memory and clock give the same actions.
 *
 * Of all rules that would act on a worker only the first does, in the order of the list; the others are asked again in the next round,
 * when they see what came of it. What they have observed is remembered all the same.
 */

import { dateFailures, type FailingSince } from "../kubernetes/failing-since.ts";
import { hasJobs, isPoweringUp, isUp, ownReason } from "../slurm/node-flags.ts";
import type { Action } from "./action.ts";
import type { Observed, Rule, RuleContext } from "./rule.ts";
import { rules as allRules } from "./rules.ts";
import type { CopilotSettings } from "./settings.ts";
import type { Snapshot, Worker } from "./snapshot.ts";

/** How many times in a row a node has failed, and the time of the Reason that was counted last (seconds since 1970). */
interface Strike {
  readonly count: number;
  readonly reasonTime?: number;
}

/** The Pod of a node that was up. */
interface KnownPod {
  readonly uid: string;
  /** How often slurmd's container had ended. */
  readonly ends: number;
  /** Whether its node had jobs. */
  readonly busy: boolean;
}

/**
 * What goes from one round to the next. After a restart it is empty: conditions are then observed anew, strikes are read from the Reasons of
 * nodes that are DOWN, and those of nodes that were returned and have not failed again are forgotten.
 */
export interface Memory {
  /** By rule and worker, while the condition lasts. */
  readonly observed: ReadonlyMap<string, Observed & { readonly key: string }>;
  /** By worker, until its node is up, or an admin has returned it from the limit of strikes. */
  readonly strikes: ReadonlyMap<string, Strike>;
  /** By worker, while its node powers up: UID of the Pod that was last deleted to be made anew. */
  readonly recreated: ReadonlyMap<string, string>;
  /** By worker and kind of failure, while its Pod fails so: since when, in epoch milliseconds. */
  readonly failing: FailingSince;
  /** By worker whose node was up in the last round: its Pod then. */
  readonly podsOfNodesUp: ReadonlyMap<string, KnownPod>;
  /** When the last round decided, in epoch milliseconds; absent before the first. */
  readonly decidedAt?: number;
}

/** Nothing remembered. */
export const emptyMemory: Memory = {
  observed: new Map(),
  strikes: new Map(),
  recreated: new Map(),
  failing: new Map(),
  podsOfNodesUp: new Map(),
};

/**
 * Asks all rules about a snapshot; `now` is in epoch milliseconds.
 *
 * @returns beside the actions and what to remember the snapshot for people, in which each failure of a Pod has the time that the rules go by
 */
export function decide(
  seen: Snapshot,
  memory: Memory,
  settings: CopilotSettings,
  now: number,
  rules: readonly Rule[] = allRules,
): { readonly actions: readonly Action[]; readonly memory: Memory; readonly snapshot: Snapshot } {
  const { snapshot: dated, failing } = withDates(seen, memory.failing, now);
  const { snapshot, podsOfNodesUp } = noticeLostJobs(dated, memory, now);
  const strikes = countStrikes(snapshot, memory.strikes, settings);
  const recreated = new Map(
    memory.recreated.entries().filter(([name]) => {
      const node = snapshot.workers.get(name)?.node;
      return node !== undefined && isPoweringUp(node);
    }),
  );
  const counts = new Map(strikes.entries().map(([name, { count }]) => [name, count]));
  const context: RuleContext = { snapshot, settings, now, strikes: counts, recreated: new Map(recreated) };
  const observed = new Map<string, Observed & { readonly key: string }>();
  const decided = new Map<string, readonly Action[]>();
  for (const rule of rules) {
    for (const finding of rule.find(snapshot)) {
      const { name } = finding.worker;
      const before = memory.observed.get(`${rule.name} ${name}`);
      const lasting = before?.key === finding.key ? before : { key: finding.key, since: now };
      observed.set(`${rule.name} ${name}`, lasting);
      if (decided.has(name)) continue;
      const actions = rule.decide(finding, lasting, context);
      if (actions.length > 0) decided.set(name, actions);
    }
  }
  const actions = decided.values().toArray().flat();
  for (const action of actions) if (action.kind === "delete-pod") recreated.set(action.node, action.uid);
  return { actions, memory: { observed, strikes, recreated, failing, podsOfNodesUp, decidedAt: now }, snapshot: dated };
}

/**
 * The memory after these actions were carried out. Of nodes that Slurm has been told of nothing is known any more: they may be up again
 * before the next round, with jobs that are well.
 */
export function settled(memory: Memory, done: Iterable<Action>): Memory {
  const podsOfNodesUp = new Map(memory.podsOfNodesUp);
  for (const { kind, node } of done) if (kind === "set-down") podsOfNodesUp.delete(node);
  return { ...memory, podsOfNodesUp };
}

/**
 * The snapshot with the time since when each Pod fails. After a restart of ours it begins anew where Kubernetes does not tell. It does not
 * depend on the UID: a Pod that is made anew and fails the same way goes on failing.
 */
function withDates(
  seen: Snapshot,
  before: FailingSince,
  now: number,
): { readonly snapshot: Snapshot; readonly failing: FailingSince } {
  const pods = [...seen.workers].flatMap(([name, { pod }]) => (pod === undefined ? [] : [[name, pod] as const]));
  const { dated, failing } = dateFailures(pods, before, now);
  if (dated.size === 0) return { snapshot: seen, failing };
  const workers = new Map<string, Worker>();
  for (const [name, worker] of seen.workers) {
    const pod = dated.get(name);
    workers.set(name, pod === undefined ? worker : { ...worker, pod });
  }
  return { snapshot: { ...seen, workers }, failing };
}

/** How long ago it may have happened, in milliseconds: a round and what clocks differ. */
const JUST_NOW = 15_000;

/**
 * Marks the workers whose jobs have died, whatever Slurm still believes:
 *
 * - The Pod was made just now in the place of another one that was there in the last round, and the node had jobs then and has now.
 * - The container has ended since the last round, and the node has jobs now. They need not have been there in the last round: it is the
 *   start of a job that most often ends a container. At worst a job that began right after the end is ended for nothing.
 *
 * A worker stays marked until {@link settled}, as the step may fail. Not between rounds that lie further apart than SuspendTimeout, as a
 * node may then have been powered down and woken again; and not later, when Slurm may have found out and sent other jobs.
 */
function noticeLostJobs(
  seen: Snapshot,
  { podsOfNodesUp: before, decidedAt }: Memory,
  now: number,
): { readonly snapshot: Snapshot; readonly podsOfNodesUp: ReadonlyMap<string, KnownPod> } {
  const comparable = decidedAt !== undefined && now - decidedAt < seen.shortestSuspendTimeout * 1000;
  const podsOfNodesUp = new Map<string, KnownPod>();
  const workers = new Map(seen.workers);
  for (const worker of seen.workers.values()) {
    const { name, node, pod } = worker;
    if (node === undefined || !isUp(node)) continue;
    const last = before.get(name);
    // For a moment there may be none, between one and the other.
    if (pod === undefined && last !== undefined) podsOfNodesUp.set(name, { ...last, busy: last.busy && hasJobs(node) });
    if (pod === undefined) continue;
    const ends = worker.slurmdEnds?.count ?? 0;
    podsOfNodesUp.set(name, { uid: pod.uid, ends, busy: hasJobs(node) });
    if (!comparable || last === undefined || !hasJobs(node)) continue;
    const isOther = last.uid !== pod.uid;
    const podReplaced = isOther && last.busy && now - pod.created <= JUST_NOW;
    const containerEnded = !isOther && ends > last.ends && !mayHaveNewJobs(worker, now);
    if (!podReplaced && !containerEnded) continue;
    workers.set(name, { ...worker, podReplaced, containerEnded });
    podsOfNodesUp.set(name, last);
  }
  return { snapshot: { ...seen, workers }, podsOfNodesUp };
}

/** Whether a slurmd has registered since the end, and that is long enough ago for Slurm to have sent it other jobs. */
function mayHaveNewJobs({ node, slurmdEnds }: Worker, now: number): boolean {
  const ended = slurmdEnds?.at ?? 0;
  const registered = (node?.slurmdStartTime ?? 0) * 1000 >= ended;
  return registered && now - ended > JUST_NOW;
}

/** Strikes as the Reasons tell them. One without a count, from slurm-resume or slurmctld, is one more than before. */
function countStrikes(
  { workers }: Snapshot,
  before: Memory["strikes"],
  { strikeLimit }: CopilotSettings,
): Map<string, Strike> {
  const strikes = new Map<string, Strike>();
  for (const { name, node } of workers.values()) {
    if (node === undefined || isUp(node)) continue;
    const last = before.get(name);
    const reason = ownReason(node);
    if (reason === undefined) {
      // From the limit on only an admin returns a node, and means it to begin anew.
      if (last !== undefined && last.count < strikeLimit) strikes.set(name, last);
      continue;
    }
    const counted = last !== undefined && last.reasonTime === node.reasonTime;
    const count = reason.strike ?? (counted ? last.count : (last?.count ?? 0) + 1);
    strikes.set(name, { count, ...(node.reasonTime !== undefined && { reasonTime: node.reasonTime }) });
  }
  return strikes;
}
