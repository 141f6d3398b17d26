/** The calls that change something, each at its turn, and only by the leader. */
import { KubernetesError } from "../../kubernetes/errors.ts";
import type { Api } from "../../kubernetes/request.ts";
import type { Manifest } from "../build/manifest.ts";
import { annotations } from "../names.ts";
import type { RateLimit } from "./rate-limit.ts";

/** What an object that exists tells of its owner. */
interface ExistingObject {
  readonly uid: string;
  /** UID of the object that made it. */
  readonly owner: string | undefined;
}

/** What the operator does in the API. All throw {@link KubernetesError}. */
export interface Writes {
  /** Reads any object; undefined where there is none. */
  find(kind: string, namespace: string, name: string): Promise<ExistingObject | undefined>;
  /** Reads a SlurmCluster as it is now. */
  read(path: string): Promise<unknown>;
  create(manifest: Manifest): Promise<void>;
  /** Server-side apply: makes it, or changes the fields that are ours and leaves those of others. */
  apply(manifest: Manifest): Promise<void>;
  /** Deletes this very object; one that is gone or another one by now is none of our business. */
  remove(kind: string, namespace: string, name: string, uid: string): Promise<void>;
  /** Marks a Pod as of a group that Slurm manages. */
  mark(namespace: string, name: string, uid: string): Promise<void>;
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

/** Makes the calls. `isLeader` is asked right before each that changes something. */
export function createWrites(options: {
  readonly api: Api;
  readonly rateLimit: RateLimit;
  readonly isLeader: () => boolean;
  readonly signal: AbortSignal;
}): Writes {
  const { api, isLeader, rateLimit, signal } = options;
  const call = async (request: Omit<Parameters<Api>[0], "signal">): Promise<unknown> => {
    if (request.method !== "GET") {
      await rateLimit.take(signal);
      if (!isLeader()) throw new KubernetesError("Timeout", `${request.method} ${request.path}: no longer the leader`);
    }
    try {
      return await api({ ...request, signal });
    } catch (error) {
      const { kind, retryAfter } = error as KubernetesError;
      if (kind === "Throttled") rateLimit.pause(Math.min(retryAfter ?? 1000, LONGEST_RETRY_AFTER));
      throw error;
    }
  };
  return {
    find: async (kind, namespace, name) => {
      try {
        return toExisting(await call({ method: "GET", path: objectPath(kind, namespace, name) }));
      } catch (error) {
        if (error instanceof KubernetesError && error.kind === "NotFound") return undefined;
        throw error;
      }
    },
    read: (path) => call({ method: "GET", path }),
    create: async (manifest) => {
      const path = `${collectionPath(manifest.kind, manifest.metadata.namespace)}?fieldManager=${FIELD_MANAGER}`;
      await call({ method: "POST", path, body: JSON.stringify(manifest) });
    },
    apply: async (manifest) => {
      const path = objectPath(manifest.kind, manifest.metadata.namespace, manifest.metadata.name);
      await call({
        method: "PATCH",
        path: `${path}?fieldManager=${FIELD_MANAGER}&force=true`,
        contentType: "application/apply-patch+yaml",
        body: JSON.stringify(manifest),
      });
    },
    remove: async (kind, namespace, name, uid) => {
      const body = JSON.stringify({ preconditions: { uid }, propagationPolicy: "Background" });
      try {
        await call({ method: "DELETE", path: objectPath(kind, namespace, name), body });
      } catch (error) {
        if (!(error instanceof KubernetesError && (error.kind === "NotFound" || error.kind === "Conflict")))
          throw error;
      }
    },
    mark: async (namespace, name, uid) => {
      const body = JSON.stringify({ metadata: { uid, annotations: { [annotations.powerManaged]: "true" } } });
      const contentType = "application/merge-patch+json";
      await call({ method: "PATCH", path: objectPath("Pod", namespace, name), contentType, body });
    },
    patchStatus: async (path, status) => {
      const contentType = "application/merge-patch+json";
      await call({ method: "PATCH", path: `${path}/status`, contentType, body: JSON.stringify({ status }) });
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

function toExisting(object: unknown): ExistingObject {
  const { metadata } = (object ?? {}) as {
    metadata?: { uid?: string; ownerReferences?: { uid?: string; controller?: boolean }[] };
  };
  if (typeof metadata?.uid !== "string") throw new KubernetesError("Malformed", "the API answered with no object");
  return { uid: metadata.uid, owner: metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid };
}
