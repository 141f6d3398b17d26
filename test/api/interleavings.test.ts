import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { findConnection } from "../../src/kubernetes/connection.ts";
import { podFiles } from "../../src/kubernetes/in-cluster.ts";
import { type Api, createApi } from "../../src/kubernetes/request.ts";
import type { SlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";
import type { Action } from "../../src/scaling/group-sets.ts";
import { recordRequest } from "../../src/scaling/transaction.ts";

let controlPlane: ControlPlane;
let api: Api;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  const connection = await findConnection({ kubeconfig: controlPlane.adminKubeconfig, env: {}, podFiles });
  api = createApi(connection, { userAgent: "interleavings", now: Date.now });
});
afterAll(() => controlPlane.stop());

const collection = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";
const request = (name: string, action: Action, names: readonly string[]) =>
  recordRequest(
    {
      cluster: { namespace: "default", name },
      action,
      names,
      select: (resolved) => resolved,
      stillMeant: async (meant) => meant,
      observer: { onRead: () => {}, onRetry: () => {} },
    },
    {
      api,
      now: Date.now,
      random: Math.random,
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
      deadline: Date.now() + 30_000,
      dryRun: false,
    },
  );
const read = async (name: string) => (await controlPlane.request("GET", `${collection}/${name}`)).body as SlurmCluster;

/** The operator acts once: what must run becomes available, and it may empty the lists, as one that forgets what it has done. */
async function operate(name: string, empties: boolean): Promise<void> {
  for (;;) {
    const { metadata, spec, status } = await read(name);
    const groups = spec.workerGroupSpecs ?? [];
    const deleted = new Set(groups.flatMap(({ podsToBeDeleted }) => podsToBeDeleted ?? []));
    const named = groups.flatMap(({ groupName, podsToBeCreated }) =>
      (podsToBeCreated ?? []).map((index) => `${name}-worker-${groupName}-${index}`),
    );
    const availableWorkers = [...new Set([...named, ...(status?.availableWorkers ?? [])])].filter(
      (worker) => !deleted.has(worker),
    );
    const contentType = "application/merge-patch+json";
    await controlPlane.request("PATCH", `${collection}/${name}/status`, {
      body: { status: { availableWorkers } },
      contentType,
    });
    if (!empties) return;
    const emptied = await controlPlane.request("PATCH", `${collection}/${name}`, {
      body: [
        { op: "test", path: "/metadata/generation", value: metadata.generation },
        ...groups.flatMap((_group, index) => [
          { op: "add", path: `/spec/workerGroupSpecs/${index}/podsToBeCreated`, value: [] },
          { op: "add", path: `/spec/workerGroupSpecs/${index}/podsToBeDeleted`, value: [] },
        ]),
      ],
      contentType: "application/json-patch+json",
    });
    if (emptied.status === 200) return;
  }
}

test("requests and an operator, many at once, on a real API: what was asked for last is what stands", async () => {
  const rounds = fc.sample(
    fc.record({
      // Requests of one round run at the same time, so each node is in one of them only.
      resumed: fc.uniqueArray(fc.nat(30), { maxLength: 10 }),
      suspended: fc.uniqueArray(fc.nat(30), { maxLength: 10 }),
      operator: fc.constantFrom("none", "keeps", "empties"),
    }),
    { numRuns: 25, seed: 2026 },
  );
  const body = {
    apiVersion: "kai.alibabacloud.com/v1",
    kind: "SlurmCluster",
    metadata: { name: "rounds" },
    spec: {
      workerGroupSpecs: [
        { groupName: "cpu", replicas: 0, template: { keep: "me" } },
        { groupName: "gpu", replicas: 2 },
      ],
    },
  };
  expect((await controlPlane.request("POST", collection, { body })).status).toBe(201);
  const wanted = new Set<number>();
  const worker = (index: number): string => `rounds-worker-cpu-${index}`;
  for (const { resumed, suspended, operator } of rounds) {
    const parked = suspended.filter((index) => !resumed.includes(index));
    await Promise.all([
      ...resumed.map((index) => request("rounds", "resume", [worker(index)])),
      ...parked.map((index) => request("rounds", "suspend", [worker(index)])),
    ]);
    for (const index of resumed) wanted.add(index);
    for (const index of parked) wanted.delete(index);
    if (operator !== "none") await operate("rounds", operator === "empties");

    const { spec, status } = await read("rounds");
    const [cpu, gpu] = spec.workerGroupSpecs ?? [];
    const deleted = new Set(cpu?.podsToBeDeleted);
    const runs = new Set(
      [...(cpu?.podsToBeCreated ?? []).map(worker), ...(status?.availableWorkers ?? [])].filter(
        (name) => !deleted.has(name),
      ),
    );
    expect(runs).toEqual(new Set([...wanted].map(worker)));
    expect(cpu?.replicas).toBe(wanted.size);
    expect(cpu?.template).toEqual({ keep: "me" });
    expect(gpu).toMatchObject({ groupName: "gpu", replicas: 2 });
    expect(new Set(cpu?.podsToBeCreated).size).toBe((cpu?.podsToBeCreated ?? []).length);
    expect((cpu?.podsToBeCreated ?? []).filter((index) => deleted.has(worker(index)))).toEqual([]);
  }
});
