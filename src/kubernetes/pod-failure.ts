/** Why a Pod does not run, from its status. */

/** In one word, the same for every spelling that kubelet, scheduler and controllers have for it. */
export type PodFailureCode =
  | "CrashLoopBackOff"
  | "CreateContainerError"
  | "Evicted"
  | "ImagePullBackOff"
  | "NodeLost"
  | "OOMKilled"
  | "PodFailed"
  | "Preempted"
  | "Unschedulable";

/** What is wrong with a Pod. Times are epoch milliseconds. */
export interface PodFailure {
  readonly code: PodFailureCode;
  readonly message: string;
  /** When it began or, with `isEarliest`, the earliest that it can have begun. */
  readonly since: number;
  /**
   * A container that waits does not say since when: `since` is then from when on its Pod has not been ready, and until just now it may have
   * pulled a large image, or waited for an init container, without anything being wrong.
   */
  readonly isEarliest?: true;
  /** When the container that does not start last ended; absent for one that has never run. */
  readonly lastEnd?: number;
}

/** The fields of a Pod's status that are read; everything may be missing (Kubernetes API reference, Pod v1). */
export interface RawPodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly startTime?: string;
  readonly conditions?: readonly RawCondition[];
  readonly initContainerStatuses?: readonly RawContainerStatus[];
  readonly containerStatuses?: readonly RawContainerStatus[];
}

interface RawCondition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string | null;
}

interface RawContainerStatus {
  readonly name?: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly running?: object;
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: RawTermination;
  };
  readonly lastState?: { readonly terminated?: RawTermination };
}

interface RawTermination {
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
  readonly finishedAt?: string | null;
}

/**
 * Reasons for which a container waits (kubelet pkg/kubelet/images/types.go and container/sync_result.go), by what they are to us.
 * "ContainerCreating" and "PodInitializing" are no failures.
 */
const waitingReasons: Readonly<Record<string, PodFailureCode>> = {
  ErrImageNeverPull: "ImagePullBackOff",
  ErrImagePull: "ImagePullBackOff",
  ImageInspectError: "ImagePullBackOff",
  ImagePullBackOff: "ImagePullBackOff",
  InvalidImageName: "ImagePullBackOff",
  RegistryUnavailable: "ImagePullBackOff",
  SignatureValidationFailed: "ImagePullBackOff",
  CrashLoopBackOff: "CrashLoopBackOff",
  CreateContainerConfigError: "CreateContainerError",
  CreateContainerError: "CreateContainerError",
  PostStartHookError: "CreateContainerError",
  PreCreateHookError: "CreateContainerError",
  PreStartHookError: "CreateContainerError",
  RunContainerError: "CreateContainerError",
};

/**
 * Reasons of a Pod as a whole: the kubelet's eviction and critical-pod preemption, its shutdown of the node (three spellings over the
 * versions), and the node lifecycle controller's.
 */
const podReasons: Readonly<Record<string, PodFailureCode>> = {
  Evicted: "Evicted",
  Preempting: "Preempted",
  NodeLost: "NodeLost",
  NodeShutdown: "NodeLost",
  Shutdown: "NodeLost",
  Terminated: "NodeLost",
};

/**
 * Who ended a Pod, as the condition DisruptionTarget tells from Kubernetes 1.25 on (k8s.io/api core/v1 types.go and the components' own):
 * a taint with NoExecute, which an unreachable node gets by itself; the collector of Pods whose node is gone; the eviction API, which
 * `kubectl drain` uses; the scheduler, for a Pod of higher priority (two spellings); and the kubelet.
 */
const disruptions: Readonly<Record<string, PodFailureCode>> = {
  DeletionByPodGC: "NodeLost",
  DeletionByTaintManager: "NodeLost",
  EvictionByEvictionAPI: "Evicted",
  PreemptionByKubeScheduler: "Preempted",
  PreemptionByScheduler: "Preempted",
  TerminationByKubelet: "Evicted",
};

/** Longest message that is kept: a registry may answer with a whole page. */
const MESSAGE_LIMIT = 300;

/**
 * The failure of a Pod that was made at `created` (epoch milliseconds) and is perhaps being deleted, if it has one: the first of
 *
 * - the whole Pod has ended badly, or somebody other than its owner ends it;
 * - it cannot be scheduled;
 * - a container, init containers first, does not start.
 *
 * A container that crashes shows "CrashLoopBackOff" only while it waits for its next start, so it comes and goes with each try.
 */
export function podFailure(status: RawPodStatus, created: number, deleting: boolean): PodFailure | undefined {
  return (
    wholePodFailure(status, created, deleting) ??
    schedulingFailure(status, created) ??
    containerFailure(status, created)
  );
}

function wholePodFailure(status: RawPodStatus, created: number, deleting: boolean): PodFailure | undefined {
  const ended = status.phase === "Failed";
  const target = conditionOf(status, "DisruptionTarget");
  // The condition is set before the deletion, which may fail; it then stays for a while.
  const disruption = target?.status === "True" && (ended || deleting) ? target : undefined;
  const ends = containersOf(status).flatMap(({ state }) => state?.terminated ?? []);
  const end = ends.find(({ exitCode }) => exitCode !== 0) ?? ends[0];
  const byDisruption = disruptions[disruption?.reason ?? ""];
  const byPhase = ended ? (end?.reason === "OOMKilled" ? "OOMKilled" : "PodFailed") : undefined;
  const code =
    podReasons[status.reason ?? ""] ?? byDisruption ?? byPhase ?? (status.phase === "Unknown" ? "NodeLost" : undefined);
  if (code === undefined) return undefined;
  const message =
    status.message ??
    (byDisruption === undefined ? undefined : disruption?.message) ??
    (end && `exit code ${end.exitCode ?? "unknown"} ${end.message ?? ""}`);
  const reason = status.reason ?? (byDisruption === undefined ? end?.reason : undefined) ?? code;
  const since = timeOf(end?.finishedAt) ?? timeOf(disruption?.lastTransitionTime);
  const when = since === undefined ? earliest(status, created) : { since };
  return { code, message: sentence(reason, message), ...when };
}

function schedulingFailure(status: RawPodStatus, created: number): PodFailure | undefined {
  const scheduled = conditionOf(status, "PodScheduled");
  if (scheduled?.status !== "False") return undefined;
  const since = timeOf(scheduled.lastTransitionTime) ?? created;
  return { code: "Unschedulable", message: sentence(scheduled.reason ?? "Unschedulable", scheduled.message), since };
}

function containerFailure(status: RawPodStatus, created: number): PodFailure | undefined {
  for (const { state, lastState } of containersOf(status)) {
    const { reason = "", message } = state?.waiting ?? {};
    const code = waitingReasons[reason];
    if (code === undefined) continue;
    const before = lastState?.terminated;
    const lastEnd = timeOf(before?.finishedAt);
    // Why it crashes says more than that it does.
    const killed = code === "CrashLoopBackOff" && before?.reason === "OOMKilled";
    return {
      code: killed ? "OOMKilled" : code,
      message: sentence(killed ? "OOMKilled" : reason, message),
      ...earliest(status, lastEnd ?? created),
      ...(lastEnd !== undefined && { lastEnd }),
    };
  }
  return undefined;
}

/** From when on the Pod has not been ready, for a failure that does not say when it began; `otherwise` where that is not told either. */
function earliest(status: RawPodStatus, otherwise: number): Pick<PodFailure, "since" | "isEarliest"> {
  const condition = conditionOf(status, "ContainersReady") ?? conditionOf(status, "Ready");
  const notReady = condition?.status === "False" ? timeOf(condition.lastTransitionTime) : undefined;
  return { since: notReady ?? otherwise, isEarliest: true };
}

function containersOf({ initContainerStatuses, containerStatuses }: RawPodStatus): readonly RawContainerStatus[] {
  return [...(initContainerStatuses ?? []), ...(containerStatuses ?? [])];
}

/** A condition of a Pod by its type. */
export function conditionOf(status: RawPodStatus, type: string): RawCondition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

/** An RFC 3339 time in epoch milliseconds; undefined for none. */
export function timeOf(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** One line, not too long: "reason: message". */
export function sentence(reason: string, message: string | undefined): string {
  const said = (message ?? "").replace(/\s+/g, " ").trim();
  return (said === "" || said === reason ? reason : `${reason}: ${said}`).slice(0, MESSAGE_LIMIT);
}
