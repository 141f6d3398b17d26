/** Worker Pods on a real kube-apiserver, and a watch of them as the head Pod's ServiceAccount. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { findConnection } from "../../src/kubernetes/connection.ts";
import { createApi } from "../../src/kubernetes/request.ts";
import { createStreams } from "../../src/kubernetes/stream.ts";
import { type WatchedObjects, type WatchOptions, watchObjects } from "../../src/kubernetes/watch.ts";
import { toWorkerPod, type WorkerPod, workerPods } from "../../src/kubernetes/worker-pods.ts";
import { applyAgentRole, applyCopilotRole } from "./agent-role.ts";
import { call } from "./stand-in-api.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { waitFor } from "./wait-for.ts";

const pods = "/api/v1/namespaces/default/pods";

/** The status of a Pod whose image cannot be pulled. */
export const pullingStatus = {
  containerStatuses: [
    {
      name: "slurmd",
      image: "slurmd",
      imageID: "",
      ready: false,
      restartCount: 0,
      state: { waiting: { reason: "ErrImagePull", message: "not found" } },
    },
  ],
};

/** What can be changed about a watch in a test. */
type WatchChanges = Partial<Omit<WatchOptions<WorkerPod>, "collection" | "reduce" | "signal">>;

/** The worker Pods of one cluster. */
export interface PodsFixture {
  readonly cluster: string;
  createPod(name: string): Promise<void>;
  /** Merges a status, as a kubelet would. */
  writeStatus(name: string, status: object): Promise<void>;
  deletePod(name: string): Promise<void>;
  /** Gives the ServiceAccount another token, as the kubelet does. */
  writeToken(token: string): Promise<void>;
  /** Watches the Pods until the running test ends. */
  watch(changes?: WatchChanges): Promise<{ readonly watched: WatchedObjects<WorkerPod>; stop(): Promise<void> }>;
  /** Waits until a watch holds what a fresh list holds, and says that it does. */
  agree(watched: WatchedObjects<WorkerPod>, timeout?: number): Promise<void>;
}

/** Makes the fixture. `port` is where the watch finds the API, a proxy perhaps. `roles` false leaves out the copilot's Role. */
export async function createPodsFixture(
  controlPlane: ControlPlane,
  cluster: string,
  { port = controlPlane.port, roles = true }: { readonly port?: number; readonly roles?: boolean } = {},
): Promise<PodsFixture> {
  const target = { namespace: "default", cluster };
  await applyAgentRole(controlPlane, target);
  if (roles) await applyCopilotRole(controlPlane, target);
  const folder = temporaryFolder();
  const writeToken = (token: string) => writeFile(join(folder, "token"), token);
  await writeToken(await controlPlane.serviceAccountToken("default", cluster));
  await writeFile(join(folder, "ca.crt"), await readFile(controlPlane.caFile));
  const collection = workerPods({ namespace: "default", name: cluster });
  const { request } = controlPlane;

  const connection = await findConnection({
    kubeconfig: undefined,
    env: { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) },
    podFiles: { serviceAccount: folder, serviceAddress: folder, podInfo: folder },
  });
  const client = { userAgent: "watch", now: Date.now };
  const reduce = (pod: unknown) => toWorkerPod(pod, 0);

  const list = async (): Promise<Map<string, WorkerPod>> => {
    const query = new URLSearchParams({ ...collection.selector });
    const { items } = await call<{ items: unknown[] }>(request, [200], "GET", `${pods}?${query}`);
    return new Map(items.flatMap((item) => reduce(item) ?? []).map((pod) => [pod.name, pod]));
  };
  return {
    cluster,
    writeToken,
    createPod: async (name) => {
      const labels = {
        "kai.alibabacloud.com/slurm-cluster": cluster,
        "kai.alibabacloud.com/slurm-node-type": "worker",
      };
      // Without a node a Pod has nobody who must agree to its end.
      const spec = { containers: [{ name: "slurmd", image: "slurmd" }] };
      await call(request, [201], "POST", pods, { body: { metadata: { name, labels }, spec } });
    },
    writeStatus: async (name, status) => {
      const contentType = "application/merge-patch+json";
      await call(request, [200], "PATCH", `${pods}/${name}/status`, { body: { status }, contentType });
    },
    deletePod: async (name) => {
      await call(request, [200], "DELETE", `${pods}/${name}?gracePeriodSeconds=0`);
    },
    watch: async (changes = {}) => {
      const ending = new AbortController();
      const watched = watchObjects<WorkerPod>({
        api: createApi(connection, client),
        openStream: createStreams(connection, client),
        collection,
        reduce,
        onChange: () => {},
        now: Date.now,
        random: Math.random,
        // It rejects when it is aborted, and for nothing else.
        sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => {}),
        signal: ending.signal,
        ...changes,
      });
      const stop = async (): Promise<void> => {
        ending.abort();
        await watched.ended;
      };
      onTestFinished(stop);
      return { watched, stop };
    },
    agree: async (watched, timeout = 10_000) => {
      await waitFor(
        "the watch to agree with a list",
        async () => ({
          listed: [...(await list())].sort(),
          watched: [...watched.objects].sort(),
          ...watched.freshness(),
        }),
        (seen) => seen.synced && JSON.stringify(seen.listed) === JSON.stringify(seen.watched),
        timeout,
      );
    },
  };
}
