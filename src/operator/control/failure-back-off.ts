/** How long something that failed is left alone: 1 s, then twice as long with each failure in a row, up to a largest. */

/** Milliseconds. */
const FIRST = 1000;

/** Failures by key, in memory: a restart only makes the first try earlier. */
export interface FailureBackOff {
  /** Notes a failure. */
  fail(key: string, message: string): void;
  /** Forgets the failures of a key. */
  succeed(key: string): void;
  /** The last failure of a key that must still be left alone, and for how many milliseconds. */
  blocked(key: string): { readonly wait: number; readonly message: string } | undefined;
}

/** Makes an empty one. `now` and `largest` in milliseconds. */
export function createFailureBackOff(now: () => number, largest = 300_000): FailureBackOff {
  /** What has not failed for so long starts from the beginning. */
  const forget = 2 * largest;
  const failures = new Map<string, { count: number; at: number; message: string }>();
  return {
    fail: (key, message) => {
      for (const [other, { at }] of failures) if (now() - at > forget) failures.delete(other);
      failures.set(key, { count: (failures.get(key)?.count ?? 0) + 1, at: now(), message });
    },
    succeed: (key) => void failures.delete(key),
    blocked: (key) => {
      const failure = failures.get(key);
      if (failure === undefined) return undefined;
      const wait = failure.at + Math.min(largest, FIRST * 2 ** (failure.count - 1)) - now();
      return wait > 0 ? { wait, message: failure.message } : undefined;
    },
  };
}
