import { setTimeout } from "node:timers/promises";

/** Waits so many milliseconds, or until the signal. */
export async function sleepUntilAborted(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, { signal });
  } catch {
    // Aborted, which is one of the two ways for this wait to end.
  }
}
