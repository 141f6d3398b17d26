/** Whether what a watch shows can be believed. */
import type { WatchedObjects } from "./watch.ts";

/** A watch notices a dead connection after 90 s of silence and lists anew; what is older than that was never confirmed. Milliseconds. */
const TOO_OLD = 110_000;

/** Why objects cannot be believed now, if so. `what` they are is for the message, `now` in epoch milliseconds. */
export function doubtOf(watched: WatchedObjects<unknown>, what: string, now: number): string | undefined {
  const { synced, problem, lastContact = 0 } = watched.freshness();
  if (!synced) return `${what} cannot be watched: ${problem?.message ?? "no answer yet"}`;
  return now - lastContact > TOO_OLD ? `${what}: nothing heard for ${TOO_OLD / 1000} s` : undefined;
}
