/** What the copilot can do about a worker. The executor carries it out; the rules only say it. */
import type { Code } from "./codes.ts";

interface Common {
  /** Name of the worker: Pod and Slurm node alike. */
  readonly node: string;
  /** The rule that says so. */
  readonly rule: string;
  readonly code: Code;
  /** Why, in words that go on from the name: "is powered down and its Pod still runs". */
  readonly message: string;
}

/**
 * One step.
 *
 * - `resume`: name it in podsToBeCreated. `suspend`: name it in podsToBeDeleted; ends its Pod. `forget`: take its name out of
 *   podsToBeDeleted.
 * - `set-down`: State=DOWN with our Reason, which carries `strike` and `until` (epoch milliseconds, the end of the back-off).
 * - `power-down`: State=POWER_DOWN. `return`: State=RESUME.
 * - `delete-pod`: delete this very Pod, by UID, for the operator to make it anew.
 */
export type Action =
  | (Common & { readonly kind: "resume" | "suspend" | "forget" | "power-down" | "return" })
  | (Common & { readonly kind: "set-down"; readonly strike: number; readonly until: number })
  | (Common & { readonly kind: "delete-pod"; readonly uid: string });

/** Whether an action ends a Pod, so that Slurm must be asked again right before and the blast radius counts it. */
export function endsPod({ kind }: Action): boolean {
  return kind === "suspend" || kind === "delete-pod";
}
