/** How often containers of a Pod have ended, and why. All processes in one end with it, slurmd's jobs too. */
import type { RawPodStatus } from "./pod-failure.ts";
import { sentence, timeOf } from "./pod-failure.ts";

/** The ends of one container. */
export interface ContainerEnds {
  /** Its name. */
  readonly container: string;
  readonly count: number;
  /** When it ended last, in epoch milliseconds; absent where the kubelet does not say. */
  readonly at?: number;
  readonly outOfMemory: boolean;
  /** Such as "Error: exit code 137". */
  readonly message: string;
}

/**
 * The ends of each container that has ended, from the status of its Pod. The kubelet counts a restart when the next start is made, and shows
 * the last end until then as the present state, and from then on as the last one. One of which it only says that it could not find it
 * ("ContainerStatusUnknown") is left out: that is no word of an end.
 */
export function containerEnds({ containerStatuses = [] }: RawPodStatus): readonly ContainerEnds[] {
  return containerStatuses.flatMap(({ name, restartCount = 0, state, lastState }) => {
    const end = state?.terminated ?? lastState?.terminated;
    const isOff = state?.running === undefined && end !== undefined;
    const count = restartCount + (isOff ? 1 : 0);
    if (name === undefined || count === 0 || end?.reason === "ContainerStatusUnknown") return [];
    const at = timeOf(end?.finishedAt);
    const message = sentence(end?.reason ?? "Error", `exit code ${end?.exitCode ?? "unknown"} ${end?.message ?? ""}`);
    return [
      { container: name, count, ...(at !== undefined && { at }), outOfMemory: end?.reason === "OOMKilled", message },
    ];
  });
}
