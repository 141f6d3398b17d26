/**
 * How much may be ended in one round. When more would be, none is: a mass deletion is more likely a mistake, ours or somebody else's, than
 * a wish, and a Pod that lives a while too long costs less than a job.
 *
 * What counts is a Pod that runs, that nobody ends yet and that we would end; and a node that is up and would be set DOWN because we see no
 * Pod of it, as it may be us who do not see. Not such a node whose Pod the API itself says is gone (round.ts asks it first); nor a Pod that
 * is being deleted, whoever does that to how many: their jobs are dead, and to hold back would only keep Slurm from learning it. Pods that
 * have not begun or have ended cannot lose anything, and a node whose Pod has ended has lost it already.
 */

import { isUp } from "../slurm/node-flags.ts";
import { type Action, endsPod } from "./action.ts";
import type { CopilotSettings } from "./settings.ts";
import type { Snapshot } from "./snapshot.ts";

/** Actions that may be carried out, and those held back for being too many. */
export interface CappedActions {
  readonly allowed: readonly Action[];
  readonly heldBack: readonly Action[];
  /** The most that may be ended in this round. */
  readonly limit: number;
}

/**
 * Applies the cap. Actions that do not count are never held back, unless they are for the same node as one that is.
 *
 * @param gone nodes whose Pod the API itself says is gone
 */
export function capActions(
  actions: readonly Action[],
  snapshot: Snapshot,
  settings: CopilotSettings,
  gone: ReadonlySet<string>,
): CappedActions {
  const pods = [...snapshot.workers.values()].filter(({ pod }) => pod !== undefined).length;
  const limit = Math.max(settings.blastRadius, Math.floor(pods * settings.blastRadiusShare));
  const ended = new Set(actions.filter((action) => isDestructive(action, snapshot, gone)).map(({ node }) => node));
  if (ended.size <= limit) return { allowed: actions, heldBack: [], limit };
  return {
    allowed: actions.filter(({ node }) => !ended.has(node)),
    heldBack: actions.filter(({ node }) => ended.has(node)),
    limit,
  };
}

/** What the API itself says of nodes that are up and whose Pod is not seen. */
export interface Absence {
  /** Those that have none. */
  readonly gone: ReadonlySet<string>;
  /** Why that cannot be said of the others, by node; goes on from the name. */
  readonly doubts: ReadonlyMap<string, string>;
}

/** Whether a node that is up would be set DOWN while no Pod of it is seen: a watch may be silent without being dead. */
export function isOnAbsence({ kind, node: name }: Action, { workers }: Snapshot): boolean {
  const { node, pod } = workers.get(name) ?? {};
  return kind === "set-down" && pod === undefined && node !== undefined && isUp(node);
}

function isDestructive(action: Action, snapshot: Snapshot, gone: ReadonlySet<string>): boolean {
  if (isOnAbsence(action, snapshot)) return !gone.has(action.node);
  const { pod } = snapshot.workers.get(action.node) ?? {};
  return endsPod(action) && pod?.phase === "Running" && pod.deleted === undefined;
}
