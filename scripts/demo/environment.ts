import type { LogSource, Step } from "./run-steps.ts";
import type { DemoContext } from "./steps.ts";

/** A Slurm and a Kubernetes for the steps, wherever those run. */
export interface Environment {
  readonly context: DemoContext;
  /** What is shown and proved here. */
  readonly steps: readonly Step<DemoContext>[];
  /** For the explanation of a failure. */
  readonly logs: readonly LogSource[];
  /** Ends and removes all. @returns what is gone, for the user */
  stop(): Promise<string>;
  /** Lets it run on after this process, and tells the user how to go on: only where that was asked for. */
  readonly leave?: () => void;
}
