/** A token bucket for the operator's writes, so that a large scale-up does not drown the API for everybody else. */

/** The bucket. */
export interface RateLimit {
  /** Resolves when a write may be sent, or when the signal is aborted. Writes are let through in the order in which they asked. */
  take(signal: AbortSignal): Promise<void>;
  /** Lets nothing through for so many milliseconds: what the API asks for with 429. */
  pause(milliseconds: number): void;
}

/** Makes a full bucket of `burst` tokens that gets `rate` new ones each second. `now` in milliseconds. */
export function createRateLimit(options: {
  readonly rate: number;
  readonly burst: number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}): RateLimit {
  const { burst, now, rate, sleep } = options;
  const interval = 1000 / rate;
  /** When the bucket would be full if nobody took anything more; one token later with each that is taken. */
  let full = now();
  let closedUntil = 0;
  return {
    take: async (signal) => {
      full = Math.max(full, now()) + interval;
      const turn = full - burst * interval;
      while (!signal.aborted) {
        const wait = Math.max(turn, closedUntil) - now();
        if (wait <= 0) return;
        await sleep(Math.ceil(wait), signal);
      }
    },
    pause: (milliseconds) => {
      closedUntil = Math.max(closedUntil, now() + milliseconds);
    },
  };
}
