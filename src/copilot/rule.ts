/**
 * How a rule is made. A rule finds workers in a condition, and decides what to do about each, knowing for how long the condition has
 * lasted. Both are pure; what lasts between rounds is little, and after a restart it is seen anew.
 */
import type { Action } from "./action.ts";
import type { CopilotSettings } from "./settings.ts";
import type { Snapshot, Worker } from "./snapshot.ts";

/** A worker in the condition that a rule is about. */
export interface Finding {
  readonly worker: Worker;
  /** Tells this occurrence from an earlier one, a Pod's UID say; another key begins anew. "" where there is only ever one. */
  readonly key: string;
}

/** For how long a condition has been seen without a gap. */
export interface Observed {
  /** Epoch milliseconds of the first round that saw it. */
  readonly since: number;
}

/** What a decision may depend on beside its finding. */
export interface RuleContext {
  readonly snapshot: Snapshot;
  readonly settings: CopilotSettings;
  /** Epoch milliseconds. */
  readonly now: number;
  /** How many times in a row a node has failed, by name; nodes that have been up since are absent. */
  readonly strikes: ReadonlyMap<string, number>;
  /** UID of the Pod that was last deleted to be made anew, by name, while the node is still powering up. */
  readonly recreated: ReadonlyMap<string, string>;
}

/** One rule. Its file's head comment tells when it acts, on what, and when it must not. */
export interface Rule {
  readonly name: string;
  readonly find: (snapshot: Snapshot) => readonly Finding[];
  readonly decide: (finding: Finding, observed: Observed, context: RuleContext) => readonly Action[];
}

/** Half of the ten seconds between rounds, in milliseconds. Rounds also follow on each Pod event, and those may be very close. */
const SETTLING = 5000;

/** Whether a condition has been seen by two rounds that lie apart: no longer a moment between two steps of somebody else. */
export function isSettled({ since }: Observed, { now }: RuleContext): boolean {
  return now - since >= SETTLING;
}

/** The findings of a rule for which there is only ever one occurrence. */
export function findWorkers({ workers }: Snapshot, applies: (worker: Worker) => boolean): readonly Finding[] {
  return workers
    .values()
    .filter(applies)
    .map((worker) => ({ worker, key: "" }))
    .toArray();
}
