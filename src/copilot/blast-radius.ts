/**
 * How much may be ended in one round. When more would be, none is: a mass deletion is more likely a mistake, ours or somebody else's, than
 * a wish, and a Pod that lives a while too long costs less than a job.
 *
 * What counts is a Pod that runs and would be ended, and a node that is up and would be set DOWN because we see no Pod of it. Pods that have
 * not begun or have ended cannot lose anything, and a node whose Pod has ended has lost it already.
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

/** Applies the cap. Actions that do not count are never held back, unless they are for the same node as one that is. */
export function capActions(actions: readonly Action[], snapshot: Snapshot, settings: CopilotSettings): CappedActions {
  const pods = [...snapshot.workers.values()].filter(({ pod }) => pod !== undefined).length;
  const limit = Math.max(settings.blastRadius, Math.floor(pods * settings.blastRadiusShare));
  const ended = new Set(actions.filter((action) => isDestructive(action, snapshot)).map(({ node }) => node));
  if (ended.size <= limit) return { allowed: actions, heldBack: [], limit };
  return {
    allowed: actions.filter(({ node }) => !ended.has(node)),
    heldBack: actions.filter(({ node }) => ended.has(node)),
    limit,
  };
}

function isDestructive(action: Action, { workers }: Snapshot): boolean {
  const { node, pod } = workers.get(action.node) ?? {};
  if (endsPod(action)) return pod?.phase === "Running";
  return action.kind === "set-down" && pod === undefined && node !== undefined && isUp(node);
}
