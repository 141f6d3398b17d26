/**
 * What the copilot will do next about each worker, and when, if nothing changes. Pure. The rules themselves are asked, with later clocks:
 * none of their conditions and limits is repeated here.
 */
import { ownReason } from "../../slurm/node-flags.ts";
import type { Action } from "../action.ts";
import { backOff } from "../back-off.ts";
import { capActions, isOnAbsence } from "../blast-radius.ts";
import { decide, type Memory } from "../decide.ts";
import type { CopilotSettings } from "../settings.ts";
import type { Snapshot } from "../snapshot.ts";

/** What will be done about one worker in one round. */
export interface NextStep {
  /** Epoch milliseconds: the first whole second from now on when the rules say so. The round that does it may begin ten seconds later. */
  readonly at: number;
  readonly actions: readonly Action[];
  /** Only for what is due now: too much would be ended at once, so it is not done. */
  readonly heldBack: boolean;
}

type ByWorker = ReadonlyMap<string, readonly Action[]>;

/**
 * The next step for every worker that has one. `memory` is what the round that saw `snapshot` remembered, or an empty one, with which all
 * conditions begin `now` (epoch milliseconds).
 */
export function forecast(
  snapshot: Snapshot,
  memory: Memory,
  settings: CopilotSettings,
  now: number,
): ReadonlyMap<string, NextStep> {
  const first = decide(snapshot, memory, settings, now);
  // The round asks the API for the Pods that are not seen; those that it finds gone are not held back.
  const gone = new Set(first.actions.filter((action) => isOnAbsence(action, snapshot)).map(({ node }) => node));
  const { heldBack } = capActions(first.actions, snapshot, settings, gone);
  const heldBackNodes = new Set(heldBack.map(({ node }) => node));
  const steps = new Map<string, NextStep>();
  for (const [name, actions] of byWorker(first.actions)) {
    steps.set(name, { at: now, actions, heldBack: heldBackNodes.has(name) });
  }
  // Only what a rule has found can become due; what depends on other workers (capacity-back-off) is due now or, if nothing changes, never.
  const found = new Set(first.memory.observed.keys().map((key) => key.slice(key.indexOf(" ") + 1)));
  const pending = new Map([...snapshot.workers].filter(([name]) => found.has(name) && !steps.has(name)));
  const later = (seconds: number): ByWorker =>
    byWorker(decide({ ...snapshot, workers: pending }, first.memory, settings, now + seconds * 1000).actions);
  // Workers for which nothing is due in `low` seconds, and something in `high`: the time between is halved until it is one second.
  const search = (names: readonly string[], low: number, high: number, due: ByWorker): void => {
    if (names.length === 0) return;
    if (high - low === 1) {
      for (const name of names)
        steps.set(name, { at: now + high * 1000, actions: due.get(name) ?? [], heldBack: false });
      return;
    }
    const middle = Math.floor((low + high) / 2);
    const dueThen = later(middle);
    search(
      names.filter((name) => dueThen.has(name)),
      low,
      middle,
      dueThen,
    );
    search(
      names.filter((name) => !dueThen.has(name)),
      middle,
      high,
      due,
    );
  };
  const end = horizon(snapshot, settings, now);
  const dueAtEnd = later(end);
  search([...dueAtEnd.keys()], 0, end, dueAtEnd);
  return steps;
}

/** In how many seconds every limit and back-off has passed. */
function horizon({ workers }: Snapshot, settings: CopilotSettings, now: number): number {
  const seconds = Object.entries(settings).map(([key, value]) => (key.endsWith("Seconds") ? value : 0));
  const limits = Math.max(...seconds) * 2000 + backOff(settings.strikeLimit, settings);
  const ends = workers
    .values()
    .map(({ node, pod }) => Math.max((node && ownReason(node)?.until) ?? 0, pod?.graceEnds ?? 0))
    .toArray();
  return Math.ceil((ends.reduce((a, b) => Math.max(a, b), now) - now + limits) / 1000);
}

function byWorker(actions: readonly Action[]): ByWorker {
  return Map.groupBy(actions, ({ node }) => node);
}
