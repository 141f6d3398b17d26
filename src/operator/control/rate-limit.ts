/** A token bucket for the operator's writes, so that a large scale-up does not drown the API for everybody else. */

/** The bucket. */
export interface RateLimit {
  /**
   * Resolves when a write may be sent, or when the signal is aborted. Writes are let through in the order in which they asked.
   *
   * @param latest when it makes no sense any more to send this one; a turn that would be later is not taken, and not waited for
   * @returns when its turn is: now, or later than `latest`, and then nothing may be sent
   */
  take(signal: AbortSignal, latest?: number): Promise<number>;
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
    take: async (signal, latest = Number.POSITIVE_INFINITY) => {
      const fullThen = Math.max(full, now()) + interval;
      const turn = (): number => Math.max(fullThen - burst * interval, closedUntil, now());
      if (turn() > latest) return turn();
      full = fullThen;
      // A pause that comes meanwhile may make it too late.
      while (!signal.aborted && turn() > now() && turn() <= latest) await sleep(Math.ceil(turn() - now()), signal);
      return turn();
    },
    pause: (milliseconds) => {
      closedUntil = Math.max(closedUntil, now() + milliseconds);
    },
  };
}
