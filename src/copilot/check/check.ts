/** The shape of a check. */
import type { Finding } from "./codes.ts";
import type { Facts, Known } from "./facts.ts";

/** What a check came to. Without findings and `unchecked` it has passed. */
export interface CheckOutcome {
  readonly findings: readonly Finding[];
  /** What of it could not be checked, and why. */
  readonly unchecked?: string;
}

/** One check: a pure function of the facts. */
export interface Check {
  /** A few words, for the list of what passed. */
  readonly name: string;
  readonly run: (facts: Facts) => CheckOutcome;
}

/** Checks what needs a fact that may be unknown. */
export function given<T>(fact: Known<T>, findIn: (value: T) => readonly Finding[]): CheckOutcome {
  return "unknown" in fact ? { findings: [], unchecked: fact.unknown } : { findings: findIn(fact.value) };
}

/** Several outcomes of one check as one. */
export function combined(...outcomes: readonly CheckOutcome[]): CheckOutcome {
  const unchecked = [...new Set(outcomes.flatMap((outcome) => outcome.unchecked ?? []))];
  return {
    findings: outcomes.flatMap(({ findings }) => findings),
    ...(unchecked.length > 0 && { unchecked: unchecked.join("; ") }),
  };
}
