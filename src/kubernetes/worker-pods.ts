/** Worker Pods, reduced to the fields that are used. */
import { type ContainerEnds, containerEnds } from "./container-ends.ts";
import type { Collection } from "./list.ts";
import { conditionOf, type PodFailure, podFailure, type RawPodStatus, timeOf } from "./pod-failure.ts";
import type { SlurmClusterRef } from "./slurm-cluster.ts";

/** One worker Pod. Times are epoch milliseconds. */
export interface WorkerPod {
  readonly name: string;
  readonly uid: string;
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  readonly ready: boolean;
  readonly created: number;
  /** When its kubelet took it on, by the clock of that machine (status.startTime, pkg/kubelet/status/status_manager.go of 1.32); absent before. */
  readonly accepted?: number;
  /** When its deletion was asked for; absent while nobody has. */
  readonly deleted?: number;
  /** When it was to be gone at the latest, if its deletion was asked for. */
  readonly graceEnds?: number;
  readonly failure?: PodFailure;
  /** Ends of its containers; absent as long as none has ended. */
  readonly ends?: readonly ContainerEnds[];
}

/** The worker Pods of a SlurmCluster. */
export function workerPods({ namespace, name }: SlurmClusterRef): Collection {
  return {
    path: `/api/v1/namespaces/${namespace}/pods`,
    selector: {
      labelSelector: `kai.alibabacloud.com/slurm-cluster=${name},kai.alibabacloud.com/slurm-node-type=worker`,
    },
  };
}

/** The fields of a Pod that are read; everything may be missing (Kubernetes API reference, Pod v1). */
interface RawPod {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly status?: RawPodStatus;
}

const phases: ReadonlySet<string> = new Set(["Pending", "Running", "Succeeded", "Failed", "Unknown"]);

/**
 * Reduces a Pod as the API returns it; undefined for what is none. `now` (epoch milliseconds) stands for a creation time that is missing.
 */
export function toWorkerPod(pod: unknown, now: number): WorkerPod | undefined {
  const { metadata, status: rawStatus } = (pod ?? {}) as RawPod;
  if (typeof metadata?.name !== "string" || typeof metadata.uid !== "string") return undefined;
  const status = rawStatus ?? {};
  const created = timeOf(metadata.creationTimestamp) ?? now;
  // The API writes down when the grace ends.
  const graceEnds = timeOf(metadata.deletionTimestamp);
  const deleted = graceEnds && graceEnds - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  const failure = podFailure(status, created, graceEnds !== undefined);
  const accepted = timeOf(status.startTime);
  const ends = containerEnds(status);
  return {
    name: metadata.name,
    uid: metadata.uid,
    phase: phases.has(status.phase ?? "") ? (status.phase as WorkerPod["phase"]) : "Unknown",
    ready: conditionOf(status, "Ready")?.status === "True",
    created,
    ...(accepted !== undefined && { accepted }),
    ...(deleted !== undefined && { deleted }),
    ...(graceEnds !== undefined && { graceEnds }),
    ...(failure !== undefined && { failure }),
    ...(ends.length > 0 && { ends }),
  };
}
