/** A SlurmCluster in a namespace of its own on a real kube-apiserver, for the operator to work on. The test is its kubelet. */
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { call } from "./stand-in-api.ts";
import { waitFor } from "./wait-for.ts";

/** A Pod as a test looks at it. */
interface SeenPod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status: { readonly phase: string };
}

/** A resource as a test looks at it. */
interface SeenCluster {
  readonly metadata: { readonly uid: string; readonly generation: number };
  readonly spec: { readonly workerGroupSpecs: readonly Readonly<Record<string, unknown>>[] };
  readonly status?: {
    readonly state?: string;
    readonly reason?: string;
    readonly availableWorkers?: readonly string[];
    readonly availableWorkerReplicas?: number;
    readonly observedGeneration?: number;
    readonly lastUpdateTime?: string;
  };
}

/** The cluster and what a test does to it. */
export interface OperatedFixture {
  readonly name: string;
  readonly namespace: string;
  /** Path of the resource. */
  readonly path: string;
  read(): Promise<SeenCluster>;
  /** Merges into the specification of the resource. */
  merge(spec: object): Promise<void>;
  /** Sets fields of its first worker group. */
  setGroup(fields: Readonly<Record<string, unknown>>): Promise<void>;
  pods(): Promise<readonly SeenPod[]>;
  /** Names of the workers that are not being deleted, by number. */
  workers(): Promise<readonly string[]>;
  worker(index: number): string;
  /** Waits until the workers are exactly these. */
  untilWorkers(indexes: readonly number[], timeout?: number): Promise<void>;
  untilStatus(what: string, enough: (status: NonNullable<SeenCluster["status"]>) => boolean): Promise<SeenCluster>;
  /** Merges a status into a Pod's, as a kubelet would. */
  setPodStatus(name: string, status: object): Promise<void>;
  /** Makes the head's Pod, as the StatefulSet's controller would. */
  createHeadPod(): Promise<void>;
  /** Messages of the Events about the resource, with their reasons. */
  events(): Promise<readonly string[]>;
}

/** The status of a Pod that runs and is ready. */
export const readyStatus = {
  phase: "Running",
  conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
};

/** A Pod template that is valid. */
export const template = {
  spec: {
    containers: [{ name: "slurmd", image: "worker", resources: { limits: { cpu: "1", memory: "64Mi" } } }],
  },
};

/** Makes the namespace and the cluster. */
export async function createOperatedCluster(
  controlPlane: ControlPlane,
  name: string,
  spec: object,
): Promise<OperatedFixture> {
  const { request } = controlPlane;
  const namespace = `ns-${name}`;
  await controlPlane.createNamespace(namespace);
  const collection = `/apis/kai.alibabacloud.com/v1/namespaces/${namespace}/slurmclusters`;
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const path = `${collection}/${name}`;
  const body = { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", metadata: { name }, spec };
  await call(request, [201], "POST", collection, { body });
  const contentType = "application/merge-patch+json";
  const read = () => call<SeenCluster>(request, [200], "GET", path);
  const listPods = async () => (await call<{ items: SeenPod[] }>(request, [200], "GET", pods)).items;
  const worker = (index: number) => `${name}-worker-cpu-${index}`;
  const workers = async () =>
    (await listPods())
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined && metadata.name.includes("-worker-"))
      .map(({ metadata }) => metadata.name)
      .sort(new Intl.Collator("en", { numeric: true }).compare);
  return {
    name,
    namespace,
    path,
    read,
    worker,
    workers,
    pods: listPods,
    merge: async (changed) => {
      await call(request, [200], "PATCH", path, { body: { spec: changed }, contentType });
    },
    setGroup: async (fields) => {
      const patch = Object.entries(fields).map(([field, value]) => ({
        op: "add",
        path: `/spec/workerGroupSpecs/0/${field}`,
        value,
      }));
      await call(request, [200], "PATCH", path, { body: patch, contentType: "application/json-patch+json" });
    },
    untilWorkers: async (indexes, timeout = 60_000) => {
      const expected = indexes.map(worker).join();
      await waitFor(`workers ${expected}`, workers, (names) => names.join() === expected, timeout);
    },
    untilStatus: async (what, enough) => {
      await waitFor(
        what,
        async () => (await read()).status,
        (status) => status !== undefined && enough(status),
        40_000,
      );
      return await read();
    },
    setPodStatus: async (pod, status) => {
      await call(request, [200], "PATCH", `${pods}/${pod}/status`, { body: { status }, contentType });
    },
    createHeadPod: async () => {
      const labels = {
        "kai.alibabacloud.com/slurm-cluster": name,
        "kai.alibabacloud.com/slurm-node-type": "head",
      };
      const metadata = { name: `${name}-0`, labels };
      const spec = { containers: [{ name: "slurmctld", image: "head" }] };
      await call(request, [201], "POST", pods, { body: { metadata, spec } });
    },
    events: async () => {
      const list = `/api/v1/namespaces/${namespace}/events`;
      const { items } = await call<{ items: { reason: string; message: string }[] }>(request, [200], "GET", list);
      return items.map(({ reason, message }) => `${reason}: ${message}`);
    },
  };
}
