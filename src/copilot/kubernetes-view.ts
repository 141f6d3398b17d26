/** The resource and its Pods as two watches keep them, and whether they can be believed. */
import type { Connection } from "../kubernetes/connection.ts";
import { doubtOf } from "../kubernetes/doubt.ts";
import { type Api, createApi } from "../kubernetes/request.ts";
import {
  type SlurmCluster,
  type SlurmClusterRef,
  slurmClusterCollection,
  slurmClusterPath,
  toSlurmCluster,
} from "../kubernetes/slurm-cluster.ts";
import { createStreams } from "../kubernetes/stream.ts";
import { watchObjects } from "../kubernetes/watch.ts";
import { toWorkerPod, type WorkerPod, workerPods } from "../kubernetes/worker-pods.ts";
import { type Observe, observeApi } from "./observation.ts";

/** The Kubernetes side as it is known now, or why it is not. */
export type KubernetesView =
  | { readonly resource: SlurmCluster; readonly pods: ReadonlyMap<string, WorkerPod>; readonly problem?: never }
  | { readonly problem: string; readonly resource?: never };

/** What the watches need from outside. */
export interface WatchContext {
  readonly userAgent: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** Called after something changed. */
  readonly onChange: () => void;
  /** Told of each list. */
  readonly observe: Observe;
}

/** Two watches that run until the signal. */
export interface KubernetesWatch {
  readonly view: () => KubernetesView;
  /** By resource: up to when its objects are known to be the server's, in epoch milliseconds; absent before the first list. */
  readonly lastContact: () => Readonly<Record<"slurmclusters" | "pods", number | undefined>>;
  /** Resolves with the first complete lists, or when the signal is aborted. */
  readonly ready: Promise<void>;
}

/** Starts to watch a SlurmCluster and its worker Pods. */
export function watchKubernetes(connection: Connection, ref: SlurmClusterRef, context: WatchContext): KubernetesWatch {
  const { now, observe } = context;
  const common = { ...context, openStream: createStreams(connection, context) };
  // Each with an API connection of its own: a list of many Pods keeps nothing else waiting.
  const connect = (): Api => observeApi(createApi(connection, context), observe, now, "LIST");
  const clusters = watchObjects<SlurmCluster>({
    ...common,
    api: connect(),
    collection: slurmClusterCollection(ref),
    reduce: toSlurmCluster,
  });
  const pods = watchObjects<WorkerPod>({
    ...common,
    api: connect(),
    collection: workerPods(ref),
    reduce: (pod) => toWorkerPod(pod, now()),
  });
  return {
    view: () => {
      const resource = clusters.objects.get(ref.name);
      const doubt = doubtOf(clusters, "the SlurmCluster", now()) ?? doubtOf(pods, "its Pods", now());
      if (doubt !== undefined) return { problem: doubt };
      if (resource === undefined) return { problem: `there is no SlurmCluster at ${slurmClusterPath(ref)}` };
      return { resource, pods: new Map(pods.objects) };
    },
    lastContact: () => ({
      slurmclusters: clusters.freshness().lastContact,
      pods: pods.freshness().lastContact,
    }),
    ready: Promise.all([clusters.ready, pods.ready]).then(() => undefined),
  };
}
