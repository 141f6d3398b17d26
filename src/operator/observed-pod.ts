/** Pods of SlurmClusters as the operator sees them. */
import { toWorkerPod, type WorkerPod } from "../kubernetes/worker-pods.ts";
import { annotations, labels } from "./names.ts";

/** One Pod. */
export interface ObservedPod extends WorkerPod {
  readonly namespace: string;
  /** The cluster that its label names. */
  readonly cluster: string;
  readonly type: string;
  /** UID of the object that made it. */
  readonly owner?: string;
  /** Of a worker that this operator made. */
  readonly group?: string;
  readonly index?: number;
  readonly powerManaged: boolean;
  readonly templateHash?: string;
}

interface RawMetadata {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly uid?: string; readonly controller?: boolean }[];
}

/** All Pods of SlurmClusters, or those of one namespace. */
export function clusterPods(namespace: string | undefined) {
  return {
    path: namespace === undefined ? "/api/v1/pods" : `/api/v1/namespaces/${namespace}/pods`,
    selector: { labelSelector: labels.cluster },
  };
}

/** Reduces a Pod as the API returns it; undefined for what is none of a SlurmCluster. `now` in epoch milliseconds. */
export function toObservedPod(object: unknown, now: number): ObservedPod | undefined {
  const pod = toWorkerPod(object, now);
  const { metadata } = (object ?? {}) as { metadata?: RawMetadata };
  const cluster = metadata?.labels?.[labels.cluster];
  const { namespace } = metadata ?? {};
  if (pod === undefined || cluster === undefined || namespace === undefined) return undefined;
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid;
  const group = metadata?.labels?.[labels.group];
  const index = metadata?.labels?.[labels.index];
  const templateHash = metadata?.annotations?.[annotations.templateHash];
  return {
    ...pod,
    namespace,
    cluster,
    type: metadata?.labels?.[labels.nodeType] ?? "",
    powerManaged: metadata?.annotations?.[annotations.powerManaged] === "true",
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
    ...(index !== undefined && /^(0|[1-9][0-9]*)$/.test(index) && { index: Number(index) }),
    ...(templateHash !== undefined && { templateHash }),
  };
}

/** Whether it runs no more and never will again. */
export function hasEnded({ phase }: ObservedPod): boolean {
  return phase === "Failed" || phase === "Succeeded";
}
