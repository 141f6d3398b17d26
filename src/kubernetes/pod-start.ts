/** How long Pods take to start. */
import { timeOf } from "./pod-failure.ts";

interface RawPod {
  readonly metadata?: { readonly creationTimestamp?: string };
  readonly status?: {
    readonly containerStatuses?: readonly {
      readonly restartCount?: number;
      readonly state?: { readonly running?: { readonly startedAt?: string } };
    }[];
  };
}

/**
 * Seconds from a Pod's creation until its last container ran. The time of its condition Ready would also count what a readiness probe or
 * a lost Kubernetes node did later. `undefined` for a Pod that does not run, or whose containers were started again.
 */
export function startSeconds(pod: unknown): number | undefined {
  const { metadata, status } = (pod ?? {}) as RawPod;
  const created = timeOf(metadata?.creationTimestamp);
  const containers = status?.containerStatuses ?? [];
  const started = containers.map(({ restartCount = 0, state }) =>
    restartCount > 0 ? undefined : timeOf(state?.running?.startedAt),
  );
  if (created === undefined || started.length === 0 || started.includes(undefined)) return undefined;
  return Math.max(0, Math.max(...(started as number[])) - created) / 1000;
}
