/** A clock on which time passes only while everybody waits, so that minutes of waiting take no time. */
export interface VirtualClock {
  /** Milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Lets time pass until the work is done. */
  readonly run: <T>(work: Promise<T>) => Promise<T>;
}

/** Makes one that shows 0. */
export function virtualClock(): VirtualClock {
  let now = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const sleeper = {
          at: now + milliseconds,
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener("abort", sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", sleeper.wake);
        if (signal?.aborted) sleeper.wake();
      }),
    run: async (work) => {
      let open = true;
      const end = (): void => {
        open = false;
      };
      work.then(end, end);
      for (;;) {
        // Until then everybody who can go on has done so.
        await new Promise(setImmediate);
        if (!open) return await work;
        const [first] = [...sleepers].sort((a, b) => a.at - b.at);
        if (first === undefined) throw new Error("nobody sleeps, and the work is not done");
        now = first.at;
        first.wake();
      }
    },
  };
}
