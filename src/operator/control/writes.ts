/** The calls that change something, each at its turn, and only by the leader. */
import { KubernetesError } from "../../kubernetes/errors.ts";
import type { Api } from "../../kubernetes/request.ts";
import type { Manifest } from "../build/manifest.ts";
import { annotations } from "../names.ts";
import { createGate } from "./gate.ts";
import type { RateLimit } from "./rate-limit.ts";

/** What an object that exists tells of its owner. */
interface ExistingObject {
  readonly uid: string;
  /** UID of the object that made it. */
  readonly owner: string | undefined;
  /** Another one as soon as somebody changes what the operator applies. */
  readonly version: string;
}

/**
 * What became of a write that makes sense only for a while. `needless`: nothing was to be done any more. `again`: it was not sent, as its
 * turn would have been too late; a look that begins in so many milliseconds has its turn in time.
 */
export type WriteResult = "done" | "needless" | { readonly again: number };

/**
 * What the operator does in the API. All throw {@link KubernetesError}. Where `confirmedAt` is asked for, that is when the resource was
 * last known to call for the write, in milliseconds of the rate limit's clock, and {@link TRUSTED} holds.
 */
export interface Writes {
  /** Reads any object; undefined where there is none. */
  find(kind: string, namespace: string, name: string): Promise<ExistingObject | undefined>;
  /** Reads a SlurmCluster as it is now. */
  read(path: string): Promise<unknown>;
  create(manifest: Manifest, confirmedAt: number): Promise<WriteResult>;
  /** Server-side apply: makes it, or changes the fields that are ours and leaves those of others. Resolves to its version. */
  apply(manifest: Manifest): Promise<string>;
  /** Deletes this very object; needless where it is gone or another one by now. */
  remove(kind: string, namespace: string, name: string, uid: string, confirmedAt: number): Promise<WriteResult>;
  /** Marks a Pod as of a group that Slurm manages; needless as above. */
  mark(namespace: string, name: string, uid: string, confirmedAt: number): Promise<WriteResult>;
  patchStatus(path: string, status: object): Promise<void>;
}

const collections: Readonly<Record<string, string>> = {
  Deployment: "/apis/apps/v1/namespaces/NAMESPACE/deployments",
  Pod: "/api/v1/namespaces/NAMESPACE/pods",
  Role: "/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/roles",
  RoleBinding: "/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/rolebindings",
  Service: "/api/v1/namespaces/NAMESPACE/services",
  ServiceAccount: "/api/v1/namespaces/NAMESPACE/serviceaccounts",
  StatefulSet: "/apis/apps/v1/namespaces/NAMESPACE/statefulsets",
};

/** Shown in managedFields. */
const FIELD_MANAGER = "slurm-operator";

/** Longest that a Retry-After is obeyed, in milliseconds. */
const LONGEST_RETRY_AFTER = 60_000;

/**
 * How long after the resource was read something may be created or deleted for what it said, in milliseconds. In a large scale-down, or
 * while the API asks for a pause, writes would wait for their turn for minutes, and slurm-resume may take a name back meanwhile. Short
 * beside SuspendTimeout, before which Slurm wakes no node again that it parks; long enough for a hundred writes, so that the read and the
 * plan of a new look are cheap beside them.
 */
export const TRUSTED = 5000;

type ApiCall = Omit<Parameters<Api>[0], "signal">;

/** Makes the calls. `isLeader` is asked right before each that changes something. `now` is the rate limit's clock. */
export function createWrites(options: {
  /** Apart from the other, so that no write waits for the connection of a read. */
  readonly readApi: Api;
  readonly writeApi: Api;
  /** How many calls `writeApi` has under way at once; a further one would be sent nobody knows when. */
  readonly connections: number;
  readonly rateLimit: RateLimit;
  readonly isLeader: () => boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
}): Writes {
  const { isLeader, now, rateLimit, readApi, signal, writeApi } = options;
  const gate = createGate(options.connections);
  const call = async (api: Api, request: ApiCall): Promise<unknown> => {
    try {
      return await api({ ...request, signal });
    } catch (error) {
      const { kind, retryAfter } = error as KubernetesError;
      if (kind === "Throttled") rateLimit.pause(Math.min(retryAfter ?? 1000, LONGEST_RETRY_AFTER));
      throw error;
    }
  };
  const read = (path: string): Promise<unknown> => call(readApi, { method: "GET", path });
  const send = async (request: ApiCall): Promise<unknown> => {
    if (!isLeader()) throw new KubernetesError("Timeout", `${request.method} ${request.path}: no longer the leader`);
    return await call(writeApi, request);
  };
  const write = async (request: ApiCall): Promise<unknown> => {
    await rateLimit.take(signal);
    return await gate(() => send(request));
  };
  const writeInTime = async (request: ApiCall, confirmedAt: number): Promise<WriteResult> => {
    const latest = confirmedAt + TRUSTED;
    const taken = await rateLimit.take(signal, latest);
    return await gate(async () => {
      // Those before it may have kept it waiting.
      const turn = Math.max(taken, now());
      if (turn > latest) return { again: Math.max(0, turn - TRUSTED - now()) };
      await send(request);
      return "done";
    });
  };
  const writeTo = async (request: ApiCall, confirmedAt: number): Promise<WriteResult> => {
    try {
      return await writeInTime(request, confirmedAt);
    } catch (error) {
      if (error instanceof KubernetesError && (error.kind === "NotFound" || error.kind === "Conflict")) {
        return "needless";
      }
      throw error;
    }
  };
  return {
    find: async (kind, namespace, name) => {
      try {
        return toExisting(await read(objectPath(kind, namespace, name)));
      } catch (error) {
        if (error instanceof KubernetesError && error.kind === "NotFound") return undefined;
        throw error;
      }
    },
    read,
    create: (manifest, confirmedAt) => {
      const path = `${collectionPath(manifest.kind, manifest.metadata.namespace)}?fieldManager=${FIELD_MANAGER}`;
      return writeInTime({ method: "POST", path, body: JSON.stringify(manifest) }, confirmedAt);
    },
    apply: async (manifest) => {
      const path = objectPath(manifest.kind, manifest.metadata.namespace, manifest.metadata.name);
      const applied = await write({
        method: "PATCH",
        path: `${path}?fieldManager=${FIELD_MANAGER}&force=true`,
        contentType: "application/apply-patch+yaml",
        body: JSON.stringify(manifest),
      });
      return toExisting(applied).version;
    },
    remove: (kind, namespace, name, uid, confirmedAt) => {
      const body = JSON.stringify({ preconditions: { uid }, propagationPolicy: "Background" });
      return writeTo({ method: "DELETE", path: objectPath(kind, namespace, name), body }, confirmedAt);
    },
    mark: (namespace, name, uid, confirmedAt) => {
      const body = JSON.stringify({ metadata: { uid, annotations: { [annotations.powerManaged]: "true" } } });
      const contentType = "application/merge-patch+json";
      return writeTo({ method: "PATCH", path: objectPath("Pod", namespace, name), contentType, body }, confirmedAt);
    },
    patchStatus: async (path, status) => {
      const contentType = "application/merge-patch+json";
      await write({ method: "PATCH", path: `${path}/status`, contentType, body: JSON.stringify({ status }) });
    },
  };
}

function collectionPath(kind: string, namespace: string): string {
  const path = collections[kind];
  if (path === undefined) throw new Error(`the operator makes no ${kind}`);
  return path.replace("NAMESPACE", namespace);
}

function objectPath(kind: string, namespace: string, name: string): string {
  return `${collectionPath(kind, namespace)}/${name}`;
}

interface RawMetadata {
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly uid?: string; readonly controller?: boolean }[];
}

function toExisting(object: unknown): ExistingObject {
  const { metadata } = (object ?? {}) as { metadata?: RawMetadata };
  if (typeof metadata?.uid !== "string") throw new KubernetesError("Malformed", "the API answered with no object");
  const { generation, labels, ownerReferences, resourceVersion, uid } = metadata;
  // What has a generation has a status too, and with each write of that another resourceVersion. The generation leaves labels out.
  const version = JSON.stringify([uid, generation ?? resourceVersion, labels]);
  return { uid, owner: ownerReferences?.find(({ controller }) => controller === true)?.uid, version };
}
