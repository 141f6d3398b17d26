/** The operator's loop, looks and writes as they are, with a model of the API and a virtual clock. */
import { errorFromResponse, type KubernetesError } from "../../../src/kubernetes/errors.ts";
import type { FailingSince } from "../../../src/kubernetes/failing-since.ts";
import type { Api } from "../../../src/kubernetes/request.ts";
import { createChanges } from "../../../src/operator/control/changes.ts";
import type { ChildrenState } from "../../../src/operator/control/children.ts";
import { runLoop } from "../../../src/operator/control/loop.ts";
import { createRateLimit } from "../../../src/operator/control/rate-limit.ts";
import { reconcile } from "../../../src/operator/control/reconcile.ts";
import { createWorkersBackOff } from "../../../src/operator/control/workers.ts";
import { createWrites } from "../../../src/operator/control/writes.ts";
import { toObservedPod } from "../../../src/operator/observed-pod.ts";
import { toOperatedCluster } from "../../../src/operator/operated-cluster.ts";
import { podTemplate } from "../../support/operator-manifests.ts";
import type { VirtualClock } from "./virtual-clock.ts";

type Call = Parameters<Api>[0];

/** A call that reached the API. */
interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly at: number;
}

interface StoredObject {
  readonly metadata: { readonly name: string; readonly uid?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** A cluster and its operator. */
export interface OperatorModel {
  /** All objects but the resource, by path. */
  readonly objects: Map<string, StoredObject>;
  /** Writes an object as somebody else would. */
  store(path: string, object: StoredObject): void;
  readonly seen: readonly SeenCall[];
  /** Events that were told. */
  readonly told: readonly string[];
  /** The state and reason of each status that was written. */
  readonly statuses: readonly string[];
  /** How many Pods were created and deleted, as the metrics count them. */
  readonly counted: { created: number; deleted: number };
  /** Path of a worker's Pod. */
  pod(index: number): string;
  /** Paths of the Pods that there are. */
  pods(): readonly string[];
  /** Changes the worker group `cpu`. */
  setGroup(fields: object): void;
  /** Changes the rest of the specification. */
  setSpec(fields: object): void;
  /** Runs the operator until the clock shows so much. */
  until(milliseconds: number): Promise<void>;
}

/** An answer that is no success, as the API gives it. */
export function refusal(status: number, message: string, retryAfter?: number): KubernetesError {
  return errorFromResponse(
    "call",
    { status, retryAfter: retryAfter?.toString(), body: JSON.stringify({ message }) },
    0,
  );
}

/** What several operators' writes share. */
export function rateLimitOf(clock: VirtualClock) {
  return createRateLimit({ rate: 20, burst: 30, ...clock });
}

/**
 * Makes a cluster with one group `cpu` and Pods of these indexes.
 *
 * @param onCall called before each call is carried out; may take its time, and throw what the API answers instead
 */
export function operatorModel(options: {
  readonly clock: VirtualClock;
  readonly rateLimit?: ReturnType<typeof rateLimitOf>;
  readonly name?: string;
  readonly group?: object;
  readonly pods?: readonly number[];
  readonly onCall?: (call: Call, model: OperatorModel) => void | Promise<void>;
}): OperatorModel {
  const { clock, name = "demo", onCall, rateLimit = rateLimitOf(clock) } = options;
  const changes = createChanges(clock.sleep);
  const podsPath = "/api/v1/namespaces/hpc/pods";
  const resourcePath = `/apis/kai.alibabacloud.com/v1/namespaces/hpc/slurmclusters/${name}`;
  const spec = { workerGroupSpecs: [{ groupName: "cpu", template: podTemplate, ...options.group }] };
  let resource = {
    metadata: { name, namespace: "hpc", uid: `uid-of-${name}`, generation: 1 },
    spec: spec as { readonly workerGroupSpecs: readonly object[] },
    status: {},
  };
  const objects = new Map<string, StoredObject>();
  const seen: SeenCall[] = [];
  let version = 0;

  const store = (path: string, object: StoredObject): StoredObject => {
    version += 1;
    const before = objects.get(path);
    const isSame = JSON.stringify(before?.spec) === JSON.stringify(object.spec);
    const generation = Number(before?.metadata.generation ?? 0) + (isSame ? 0 : 1);
    const metadata = {
      uid: `uid-${version}`,
      ...before?.metadata,
      ...object.metadata,
      resourceVersion: String(version),
      ...(path.startsWith("/apis/apps/") && { generation }),
    };
    const stored = { ...object, metadata };
    objects.set(path, stored);
    changes.mark();
    return stored;
  };
  const existing = (path: string): StoredObject => {
    const object = objects.get(path);
    if (object === undefined) throw refusal(404, `${path} not found`);
    return object;
  };
  const carryOut = ({ body = "{}", method, path }: Call): unknown => {
    const [bare = ""] = path.split("?");
    if (method === "GET") return bare === resourcePath ? resource : existing(bare);
    const sent = JSON.parse(body);
    if (bare === `${resourcePath}/status`) {
      resource = { ...resource, status: { ...resource.status, ...sent.status } };
      statuses.push(`${sent.status.state}: ${sent.status.reason}`);
      return resource;
    }
    if (method === "POST") {
      const created = `${bare}/${sent.metadata.name}`;
      if (objects.has(created)) throw refusal(409, `${created} already exists`);
      return store(created, sent);
    }
    if (method === "PATCH") return store(bare, sent);
    const object = existing(bare);
    const { uid } = sent.preconditions;
    if (uid !== object.metadata.uid) throw refusal(409, `the UID is ${object.metadata.uid}, not ${uid}`);
    objects.delete(bare);
    changes.mark();
    return object;
  };
  const api: Api = async (call) => {
    const { method, path } = call;
    seen.push({ method, path, at: clock.now() });
    await clock.sleep(10);
    await onCall?.(call, model);
    return structuredClone(carryOut(call));
  };

  const told: string[] = [];
  const statuses: string[] = [];
  const counted = { created: 0, deleted: 0 };
  const tell = ({ message, reason }: { reason: string; message: string }): void =>
    void told.push(`${reason}: ${message}`);
  const context = {
    writes: createWrites({
      readApi: api,
      writeApi: api,
      connections: 4,
      rateLimit,
      isLeader: () => true,
      signal: new AbortController().signal,
      now: clock.now,
    }),
    backOff: createWorkersBackOff(clock.now),
    children: new Map<string, ChildrenState>(),
    failing: new Map<string, FailingSince>(),
    now: clock.now,
    monotonic: clock.now,
    build: { clusterDomain: "cluster.local" },
    tell,
    tellState: tell,
    onPod: (what: "created" | "deleted") => {
      counted[what] += 1;
    },
    onStatus: () => {},
    log: () => {},
  };
  const look = async (): Promise<number> => {
    const cluster = toOperatedCluster(resource);
    if (cluster === undefined) throw new Error("this is no SlurmCluster");
    const pods = model.pods().flatMap((path) => toObservedPod(objects.get(path), clock.now()) ?? []);
    return await reconcile(cluster, pods, context);
  };
  const setSpec = (fields: object): void => {
    const { metadata, spec: before } = resource;
    resource = {
      ...resource,
      metadata: { ...metadata, generation: metadata.generation + 1 },
      spec: { ...before, ...fields },
    };
    changes.mark();
  };
  const model: OperatorModel = {
    objects,
    store,
    seen,
    told,
    statuses,
    counted,
    pod: (index) => `${podsPath}/${name}-worker-cpu-${index}`,
    pods: () => [...objects.keys()].filter((path) => path.startsWith(`${podsPath}/${name}-`)),
    setGroup: (fields) => setSpec({ workerGroupSpecs: [{ ...resource.spec.workerGroupSpecs[0], ...fields }] }),
    setSpec,
    until: async (milliseconds) => {
      const ending = new AbortController();
      await runLoop({
        clusters: () => [name],
        doubt: () => undefined,
        look,
        changes,
        sleep: clock.sleep,
        signal: ending.signal,
        now: clock.now,
        log: { warn: () => {}, info: () => {} },
        onTick: () => {
          if (clock.now() >= milliseconds) ending.abort();
        },
      });
    },
  };
  for (const index of options.pods ?? []) {
    const metadata = {
      name: `${name}-worker-cpu-${index}`,
      namespace: "hpc",
      labels: {
        "kai.alibabacloud.com/slurm-cluster": name,
        "kai.alibabacloud.com/slurm-node-type": "worker",
      },
      annotations: { "kai.alibabacloud.com/power-managed": "true", "kai.alibabacloud.com/template-hash": "x" },
      ownerReferences: [{ uid: `uid-of-${name}`, controller: true }],
    };
    store(model.pod(index), {
      metadata,
      status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
    });
  }
  return model;
}
