/** How long to wait before the next try. */

/** First bound of the wait, in milliseconds. */
const FIRST = 50;

/** Largest bound of the wait while somebody waits for the outcome, in milliseconds. */
const LARGEST = 2000;

/**
 * Full jitter: a wait between 0 and a bound that doubles with each try up to `largest`, so that programs which collided once spread
 * out. `attempt` counts from 1, `random` is uniform in [0, 1). A wait that the server asked for is kept at least, and spread as well.
 *
 * @returns milliseconds
 */
export function backoff(attempt: number, random: number, retryAfter: number | undefined, largest = LARGEST): number {
  const spread = random * Math.min(largest, FIRST * 2 ** (attempt - 1));
  return Math.round((retryAfter ?? 0) + spread);
}
