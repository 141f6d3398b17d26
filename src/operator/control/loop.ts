/** Looks at every cluster when something has changed or its time has come, each cluster by itself, so that none waits for another. */
import type { Changes } from "./changes.ts";

/** What drives the looks. */
export interface LoopContext {
  /** Keys of the clusters that there are. */
  readonly clusters: () => Iterable<string>;
  /** Why nothing can be known now, if so. */
  readonly doubt: () => string | undefined;
  /** Looks at a cluster; resolves to milliseconds until the next look. Never rejects. */
  readonly look: (key: string) => Promise<number>;
  readonly changes: Changes;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly now: () => number;
  readonly log: { readonly warn: (message: string) => void; readonly info: (message: string) => void };
  /** Called each time round, which is once in five seconds at least. */
  readonly onTick: () => void;
}

/** Time that changes have to gather, in milliseconds: a Pod makes several in a row. Also bounds how often the loop turns. */
const GATHER = 100;

/** Longest time between two turns, in milliseconds. */
const TURN = 5000;

/** Runs until the signal, and then until every look has ended. */
export async function runLoop(context: LoopContext): Promise<void> {
  const { changes, clusters, doubt, log, look, now, onTick, signal, sleep } = context;
  const running = new Map<string, Promise<void>>();
  const due = new Map<string, number>();
  let told: string | undefined;
  changes.mark();
  while (!signal.aborted) {
    onTick();
    const changed = changes.take();
    const problem = doubt();
    if (problem !== told) {
      if (problem !== undefined) log.warn(`nothing is done: ${problem}`);
      else log.info("goes on");
      told = problem;
    }
    const present = new Set(clusters());
    for (const key of due.keys()) if (!present.has(key)) due.delete(key);
    for (const key of present) if (changed || !due.has(key)) due.set(key, 0);
    if (problem === undefined) {
      for (const key of present) {
        if (running.has(key) || (due.get(key) ?? 0) > now()) continue;
        // What changes from here on makes it due again.
        due.set(key, Number.POSITIVE_INFINITY);
        running.set(
          key,
          look(key).then((again) => {
            running.delete(key);
            due.set(key, Math.min(due.get(key) ?? Number.POSITIVE_INFINITY, now() + again));
            changes.nudge();
          }),
        );
      }
    }
    const next = Math.min(...[...due].filter(([key]) => !running.has(key)).map(([, at]) => at), now() + TURN);
    await changes.wait(Math.max(0, next - now()), signal);
    if (!signal.aborted) await sleep(GATHER, signal);
  }
  await Promise.all(running.values());
}
