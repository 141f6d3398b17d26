/** Giving up on a worker for a while: Slurm is told first, so that its jobs go elsewhere, then its Pod is withdrawn. */
import type { Action } from "./action.ts";
import { type FailureCode, isOfGroup } from "./codes.ts";
import type { RuleContext } from "./rule.ts";
import type { CopilotSettings } from "./settings.ts";

/** How long a node stays DOWN after so many failures in a row, in milliseconds; it doubles with each and stops at the limit. */
export function backOff(strike: number, { backOffSeconds, strikeLimit }: CopilotSettings): number {
  return backOffSeconds * 1000 * 2 ** Math.max(0, Math.min(strike, strikeLimit) - 1);
}

/**
 * Sets a node DOWN until its back-off is over, and withdraws its Pod. Failures that are not the node's own never add up to the limit of
 * strikes, from which on only an admin returns it: after a shortage of hours all nodes must come back by themselves.
 */
export function giveUp(
  why: { readonly node: string; readonly rule: string; readonly code: FailureCode; readonly message: string },
  { strikes, settings, now }: RuleContext,
): readonly Action[] {
  const next = (strikes.get(why.node) ?? 0) + 1;
  const strike = isOfGroup(why.code) ? Math.min(next, settings.strikeLimit - 1) : next;
  return [
    { ...why, kind: "set-down", strike, until: now + backOff(strike, settings) },
    { ...why, kind: "suspend" },
  ];
}
