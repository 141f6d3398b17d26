/** SlurmClusters and their Pods as two watches keep them, and whether they can be believed. */
import type { Connection } from "../../kubernetes/connection.ts";
import { doubtOf } from "../../kubernetes/doubt.ts";
import { createApi } from "../../kubernetes/request.ts";
import { createStreams } from "../../kubernetes/stream.ts";
import { watchObjects } from "../../kubernetes/watch.ts";
import { namespacedNameOf } from "../../kubernetes/watch-event.ts";
import { clusterPods, type ObservedPod, toObservedPod } from "../observed-pod.ts";
import { type OperatedCluster, slurmClustersPath, toOperatedCluster } from "../operated-cluster.ts";

/** What the watches need from outside. */
export interface ViewContext {
  readonly userAgent: string;
  /** Watch this namespace alone. */
  readonly namespace: string | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** Called after something changed. */
  readonly onChange: () => void;
}

/** The view; it changes with every event. */
export interface View {
  /** By `namespace/name`. */
  readonly clusters: ReadonlyMap<string, OperatedCluster>;
  /** The Pods that bear a cluster's label. */
  podsOf(cluster: OperatedCluster): readonly ObservedPod[];
  /** Why it cannot be believed, if so. */
  doubt(): string | undefined;
}

/** Starts to watch, until the signal. */
export function watchView(connection: Connection, context: ViewContext): View {
  const { namespace, now } = context;
  const common = { ...context, openStream: createStreams(connection, context), keyOf: namespacedNameOf };
  const clusters = watchObjects<OperatedCluster>({
    ...common,
    api: createApi(connection, context),
    collection: { path: slurmClustersPath(namespace), selector: {} },
    reduce: toOperatedCluster,
  });
  const pods = watchObjects<ObservedPod>({
    ...common,
    api: createApi(connection, context),
    collection: clusterPods(namespace),
    reduce: (pod) => toObservedPod(pod, now()),
  });
  return {
    get clusters() {
      return clusters.objects;
    },
    podsOf: (cluster) =>
      [...pods.objects.values()].filter((pod) => pod.namespace === cluster.namespace && pod.cluster === cluster.name),
    doubt: () => doubtOf(clusters, "SlurmClusters", now()) ?? doubtOf(pods, "Pods", now()),
  };
}
