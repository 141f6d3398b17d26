/** Wakes the loop. */

/** What wakes. */
export interface Changes {
  /** Something is different: every cluster is to be looked at. */
  mark(): void;
  /** Nothing is different, yet it is time to see what is due. */
  nudge(): void;
  /** Whether something was marked since the last call. */
  take(): boolean;
  /** Resolves when woken, after so many milliseconds, or when the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Makes it. */
export function createChanges(sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>): Changes {
  let marked = false;
  let woken = new AbortController();
  return {
    mark: () => {
      marked = true;
      woken.abort();
    },
    nudge: () => woken.abort(),
    take: () => {
      const was = marked;
      marked = false;
      return was;
    },
    wait: async (milliseconds, signal) => {
      if (!woken.signal.aborted) await sleep(milliseconds, AbortSignal.any([signal, woken.signal]));
      if (woken.signal.aborted) woken = new AbortController();
    },
  };
}
