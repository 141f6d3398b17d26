/** Rounds, one at a time: on a timer, and soon after something changed in Kubernetes. */
import { defectText } from "./observation.ts";
import { firstState, type RoundContext, type RoundState, runRound } from "./round.ts";

/** What drives the rounds. */
export interface LoopContext extends RoundContext {
  /** Ends the loop; a round that is under way is finished. */
  readonly signal: AbortSignal;
  /** Resolves at the next change in Kubernetes, or after so many milliseconds, or when the signal is aborted. */
  readonly nextChange: (milliseconds: number) => Promise<void>;
  /** Told after each round how long it took. */
  readonly onRound: (state: RoundState, milliseconds: number) => void;
}

/** Time between rounds without a change, in milliseconds: a call of scontrol lists every node, so not more often. */
const PERIOD = 10_000;

/** Time that changes have to gather before a round, in milliseconds: a Pod that ends makes several in a row. */
const GATHER = 200;

/** Runs rounds until the signal. A defect in one round is logged and does not end the others. */
export async function runLoop(context: LoopContext): Promise<void> {
  const { signal, log, nextChange, now, observe, onRound, sleep } = context;
  let state = firstState;
  while (!signal.aborted) {
    const started = now();
    try {
      state = await runRound(state, context);
      onRound(state, now() - started);
    } catch (error) {
      observe({ kind: "defect" });
      log.error(defectText(error));
    }
    await nextChange(PERIOD);
    if (!signal.aborted) await sleep(GATHER);
  }
}
