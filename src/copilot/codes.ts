/**
 * Every word for why the copilot acts. The same word stands in the log, in the Event, in the metric's label and in Slurm's Reason, so that
 * whoever meets it in one place finds it in the others.
 */
import type { PodFailureCode } from "../kubernetes/pod-failure.ts";

/** Why a node is given up. */
export type FailureCode =
  | PodFailureCode
  | "ContainerEnded"
  | "NeverCreated"
  | "NeverRegistered"
  | "PodDeleted"
  | "PodGone"
  | "PodReplaced"
  | "PodStuck"
  | "QuotaExceeded";

/** Why anything else is done. */
type UpkeepCode =
  | "BackOffOver"
  | "CapacityBackOff"
  | "LeakedPod"
  | "LostResume"
  | "NotWithdrawn"
  | "PodEnded"
  | "UnknownPod"
  | "Withdrawn";

/** Any of them. */
export type Code = FailureCode | UpkeepCode;

/** What a failure is, in words, and whose. */
interface Failure {
  readonly meaning: string;
  /**
   * `group`: the next node of the group would most likely fail as well, as all its Pods are made from one template and share its room. So the
   * group is closed for a while, and the node itself is never kept DOWN for good: what is wrong is not the node.
   */
  readonly of: "group" | "node";
}

/** The failures. */
export const failures: Readonly<Record<FailureCode, Failure>> = {
  ContainerEnded: { of: "node", meaning: "slurmd's container ended under its jobs" },
  CrashLoopBackOff: { of: "node", meaning: "a container ends again and again" },
  CreateContainerError: {
    of: "group",
    meaning: "a container cannot be made: a ConfigMap, Secret or command is missing",
  },
  Evicted: { of: "node", meaning: "the kubelet or the eviction API ended the Pod" },
  ImagePullBackOff: { of: "group", meaning: "an image cannot be pulled" },
  NeverCreated: { of: "group", meaning: "the operator made no Pod" },
  NeverRegistered: { of: "node", meaning: "the Pod is ready, but its slurmd does not register" },
  NodeLost: { of: "node", meaning: "the Kubernetes node is gone, shut down or unreachable" },
  OOMKilled: { of: "node", meaning: "a container needed more memory than its limit" },
  PodDeleted: { of: "node", meaning: "somebody deleted the Pod" },
  PodFailed: { of: "node", meaning: "the Pod has ended" },
  PodGone: { of: "node", meaning: "there is no Pod any more" },
  PodReplaced: { of: "node", meaning: "the Pod is another one than the jobs were started in" },
  PodStuck: { of: "node", meaning: "the old Pod does not end, and a new one cannot be made before it has" },
  Preempted: { of: "node", meaning: "a Pod of higher priority took the place" },
  QuotaExceeded: { of: "group", meaning: "a ResourceQuota lets no Pod be made" },
  Unschedulable: { of: "group", meaning: "no Kubernetes node has room for the Pod" },
};

/** The rest, in words. */
export const upkeep: Readonly<Record<UpkeepCode, string>> = {
  BackOffOver: "the node is DOWN by us and its back-off is over",
  CapacityBackOff: "the node is closed because Pods of its group fail",
  LeakedPod: "the node is powered down and its Pod lives",
  LostResume: "the node powers up or is up, and podsToBeCreated does not name it",
  NotWithdrawn: "the node is DOWN by us, and its Pod is still wanted or lives",
  PodEnded: "podsToBeDeleted names a Pod that is gone",
  UnknownPod: "the Pod has no Slurm node",
  Withdrawn: "the node is DOWN by us and its Pod is gone, so it is powered down",
};

/** Whether a code means a failure of a whole group; what other programs or releases of ours wrote does not. */
export function isOfGroup(code: string): boolean {
  return Object.hasOwn(failures, code) && failures[code as FailureCode].of === "group";
}
