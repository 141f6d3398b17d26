import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks again and again until the answer satisfies. Resolves to that answer.
 *
 * @param what what is waited for, for the error
 * @param ask gets the present state; may throw, which counts as "not yet" and is shown when time is up
 * @param enough decides whether that state is the one waited for
 * @param timeout milliseconds
 * @throws Error after `timeout`, with the last state seen and, as `cause`, what `ask` or `enough` threw last
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  enough: (state: T) => boolean,
  timeout: number,
): Promise<T> {
  const end = performance.now() + timeout;
  let seen = "nothing";
  let cause: unknown;
  for (;;) {
    const asked = performance.now();
    try {
      const state = await ask();
      seen = show(state);
      cause = undefined;
      if (enough(state)) return state;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) {
      const failed = cause === undefined ? "" : `; asking failed: ${String(cause)}`;
      throw new Error(`waited ${timeout} ms for ${what}; last seen: ${seen}${failed}`, { cause });
    }
    // A question that is dear, such as `kubectl exec`, is asked less often: what is waited for needs the CPU as well.
    await sleep(Math.min(Math.max(100, 4 * (performance.now() - asked)), 1000));
  }
}

/** JSON in which sets are arrays, so that node states can be read. */
function show(state: unknown): string {
  return JSON.stringify(state, (_key, value) => (value instanceof Set ? [...value] : value)) ?? String(state);
}
