/**
 * The SlurmCluster resource (`kai.alibabacloud.com/v1`): the fields the agent reads, and the two calls it makes.
 *
 * Objects are only ever changed by JSON patch, so every field that these types do not know survives.
 */
import { KubernetesError } from "./errors.ts";
import type { Collection } from "./list.ts";
import type { Api } from "./request.ts";

/** One entry of `spec.workerGroupSpecs`, as the API returns it: any field may be missing. */
export interface WorkerGroupSpec {
  readonly groupName?: string;
  readonly replicas?: number | null;
  /** How clusters made before `replicas` spell it. */
  readonly workerCount?: number | null;
  readonly podsToBeCreated?: readonly number[] | null;
  readonly podsToBeDeleted?: readonly string[] | null;
  /** Of a group that was reduced by {@link toSlurmCluster}: name of the first container of its Pod template, which runs slurmd. */
  readonly slurmdContainer?: string;
  readonly [field: string]: unknown;
}

/** A SlurmCluster as the API returns it, with the fields the agent reads. */
export interface SlurmCluster {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly generation: number;
  };
  readonly spec: { readonly workerGroupSpecs?: readonly WorkerGroupSpec[] | null };
  readonly status?: {
    readonly availableWorkers?: readonly string[] | null;
    /** The generation that the operator had seen when it wrote the status; operators may leave it out. */
    readonly observedGeneration?: number | null;
    /** Why the cluster is not ready, in words. */
    readonly reason?: string | null;
  } | null;
}

/** One operation of an RFC 6902 JSON patch. */
export type PatchOperation = {
  readonly op: "test" | "add";
  readonly path: string;
  readonly value: unknown;
};

/** Which SlurmCluster: both are DNS names, checked by whoever makes one. */
export interface SlurmClusterRef {
  readonly namespace: string;
  readonly name: string;
}

/** The API path of a SlurmCluster. */
export function slurmClusterPath(ref: SlurmClusterRef): string {
  return `${slurmClusterCollection(ref).path}/${ref.name}`;
}

/** A SlurmCluster as a collection of at most one, which is how a Role with resourceNames lets it be listed and watched. */
export function slurmClusterCollection({ namespace, name }: SlurmClusterRef): Collection {
  return {
    path: `/apis/kai.alibabacloud.com/v1/namespaces/${namespace}/slurmclusters`,
    selector: { fieldSelector: `metadata.name=${name}` },
  };
}

/**
 * What the copilot keeps of a SlurmCluster as the API returns it, and of the Pod templates, which are most of it, one name each; undefined
 * for what is none, or lacks what every patch must test.
 */
export function toSlurmCluster(object: unknown): SlurmCluster | undefined {
  if (!isSlurmCluster(object)) return undefined;
  const { metadata, spec, status } = object;
  const { name, namespace, uid, generation } = metadata;
  return {
    metadata: { name, namespace, uid, generation },
    spec: {
      workerGroupSpecs: (spec.workerGroupSpecs ?? []).map((group) => ({
        ...(group.groupName !== undefined && { groupName: group.groupName }),
        replicas: group.replicas ?? null,
        workerCount: group.workerCount ?? null,
        podsToBeCreated: group.podsToBeCreated ?? [],
        podsToBeDeleted: group.podsToBeDeleted ?? [],
        ...slurmdContainer(group),
      })),
    },
    status: {
      availableWorkers: status?.availableWorkers ?? [],
      observedGeneration: status?.observedGeneration ?? null,
      reason: typeof status?.reason === "string" ? status.reason : null,
    },
  };
}

/** The operator gives the name "slurmd" to a first container that has none. */
function slurmdContainer({ template }: WorkerGroupSpec): { readonly slurmdContainer?: string } {
  const { spec } = (template ?? {}) as { spec?: { containers?: readonly { name?: unknown }[] | null } | null };
  const [first] = spec?.containers ?? [];
  if (first === undefined) return {};
  return { slurmdContainer: typeof first.name === "string" ? first.name : "slurmd" };
}

/** GETs a SlurmCluster. Throws {@link KubernetesError}, also when what came back lacks what every patch must test. */
export async function getSlurmCluster(api: Api, ref: SlurmClusterRef, signal: AbortSignal): Promise<SlurmCluster> {
  const object = await api({ method: "GET", path: slurmClusterPath(ref), signal });
  if (isSlurmCluster(object)) return object;
  throw new KubernetesError(
    "Malformed",
    `the API answered GET ${slurmClusterPath(ref)} with something that is not a SlurmCluster`,
  );
}

function isSlurmCluster(object: unknown): object is SlurmCluster {
  const { metadata, spec } = (object ?? {}) as Partial<SlurmCluster>;
  return typeof metadata?.uid === "string" && typeof metadata.generation === "number" && Boolean(spec);
}

/**
 * PATCHes a SlurmCluster with a JSON patch; gives what it is then, where the API says so. Throws {@link KubernetesError}; a failed `test`
 * is of kind "TestFailed".
 */
export async function patchSlurmCluster(
  api: Api,
  ref: SlurmClusterRef,
  patch: readonly PatchOperation[],
  signal: AbortSignal,
): Promise<SlurmCluster | undefined> {
  const [path, body] = [slurmClusterPath(ref), JSON.stringify(patch)];
  return toSlurmCluster(await api({ method: "PATCH", path, contentType: "application/json-patch+json", body, signal }));
}
