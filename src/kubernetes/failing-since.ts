/** Since when Pods fail, where Kubernetes does not tell. Pure. */
import type { PodFailure } from "./pod-failure.ts";

/** What is remembered of Pods that fail: since when (epoch milliseconds), by Pod and kind of failure. */
export type FailingSince = ReadonlyMap<string, number>;

/** The kind of every failure of a container that has run: whatever the kubelet calls it, it ends, and is started, again and again. */
const ENDING = "ending";

/**
 * Gives each failure the time from which it counts: where Kubernetes tells only the earliest time at which it can have begun, when it was
 * first seen, so that a Pod that pulled a large image for long has not failed all the while. One of a container that has run lasts at least
 * since its last end, and as long as its Pod is not ready: it shows only between two tries.
 *
 * @param pods all Pods, each with what it is known by: its name, if a Pod that is made anew and fails the same way goes on failing, or its UID
 * @returns the Pods that fail, and what to remember, which leaves out Pods that are gone
 */
export function dateFailures<Pod extends { readonly ready: boolean; readonly failure?: PodFailure }>(
  pods: Iterable<readonly [id: string, pod: Pod]>,
  before: FailingSince,
  now: number,
): { readonly dated: ReadonlyMap<string, Pod>; readonly failing: FailingSince } {
  const failing = new Map<string, number>();
  const dated = new Map<string, Pod>();
  for (const [id, pod] of pods) {
    const ending = before.get(`${id} ${ENDING}`);
    if (ending !== undefined && !pod.ready) failing.set(`${id} ${ENDING}`, ending);
    if (pod.failure === undefined) continue;
    const { code, message, since: told, isEarliest = false, lastEnd } = pod.failure;
    const key = `${id} ${lastEnd === undefined ? code : ENDING}`;
    const since = Math.min(before.get(key) ?? now, isEarliest ? (lastEnd ?? now) : told);
    failing.set(key, since);
    dated.set(id, { ...pod, failure: { code, message, since } });
  }
  return { dated, failing };
}
