/** What a benchmark is. */
import type { ControlPlane } from "../cluster/control-plane.ts";
import type { Progress } from "../progress.ts";

/** What benchmarks work with. */
interface BenchmarkContext {
  /** Folder that holds the executables and their `node`. */
  readonly installation: string;
  /** Starts the control plane at first use, with the SlurmCluster's definition; it is shared, and ended with the run. */
  readonly controlPlane: () => Promise<ControlPlane>;
  readonly progress: Progress;
}

/** One line of a table: its cells, the first of which names what was measured. */
export type Row = readonly (string | number)[];

/** What a benchmark measured. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** How it was measured, and what the columns mean; Markdown. */
  readonly about: string;
  /** A picture of it, the same in words, and its file's name without the ending. */
  readonly picture?: { readonly name: string; readonly svg: string; readonly words: string };
}

/** One benchmark. Its tables are in the order of its `run`. Throws when what it timed did not do what it should. */
export interface Benchmark {
  readonly name: string;
  readonly run: (context: BenchmarkContext) => Promise<readonly Table[]>;
}

/** Throws when something that was timed did not do what it should: such a time says nothing. */
export function check(what: string, isRight: boolean): void {
  if (!isRight) throw new Error(`wrong result: ${what}`);
}
