import { expect, test } from "vitest";
import { KubernetesError } from "../../src/kubernetes/errors.ts";
import type { Api } from "../../src/kubernetes/request.ts";
import type { PatchOperation, SlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";
import type { Action } from "../../src/scaling/group-sets.ts";
import { recordTogether } from "../../src/scaling/merge.ts";
import { applyPatch } from "../support/json-patch.ts";
import { slurmCluster } from "../support/slurm-cluster.ts";

const ref = { namespace: "default", name: "demo" };

/**
 * A resource behind an API that answers a little later. `refuse` may throw for a patch, `watched` is what a watch says, `now` the clock in
 * milliseconds.
 */
function start({
  refuse = () => {},
  watched = () => undefined,
  now = Date.now,
}: {
  refuse?: (patch: readonly PatchOperation[]) => void;
  watched?: (now: SlurmCluster) => SlurmCluster | undefined;
  now?: () => number;
} = {}) {
  let cluster = slurmCluster([{ groupName: "cpu", replicas: 0 }]);
  const calls: string[] = [];
  const api: Api = async ({ method, body }) => {
    calls.push(method);
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (method === "GET") return cluster;
    const patch = JSON.parse(body ?? "") as PatchOperation[];
    refuse(patch);
    const patched = applyPatch(cluster, patch);
    if (patched === undefined) throw new KubernetesError("TestFailed", "a test failed");
    cluster = { ...patched, metadata: { ...patched.metadata, generation: patched.metadata.generation + 1 } };
    return cluster;
  };
  const record = recordTogether(ref, api, () => watched(cluster));
  const request = (action: Action, index: number) =>
    record(
      {
        cluster: ref,
        action,
        names: [`demo-worker-cpu-${index}`],
        select: (resolved) => resolved,
        stillMeant: async (names) => names,
        observer: { onRead: () => {}, onRetry: () => {} },
      },
      { now, random: () => 0, sleep: async () => {}, deadline: now() + 60_000, dryRun: false },
    );
  return { request, calls, group: () => cluster.spec.workerGroupSpecs?.[0] };
}

test("what comes at once goes into one patch, what comes meanwhile into the next", async () => {
  const { request, calls, group } = start();
  const first = [0, 1, 2].map((index) => request("resume", index));
  await new Promise((resolve) => setTimeout(resolve, 3));
  const second = [3, 4, 5].map((index) => request("resume", index));
  const outcomes = await Promise.all([...first, ...second]);
  expect(calls).toEqual(["GET", "PATCH", "GET", "PATCH"]);
  expect(group()?.podsToBeCreated).toEqual([0, 1, 2, 3, 4, 5]);
  expect(outcomes.map(({ recorded }) => [...(recorded.get("cpu") ?? [])])).toEqual([[0], [1], [2], [3], [4], [5]]);
});

test("opposite requests for one node count in the order in which they came", async () => {
  const { request, calls, group } = start();
  await Promise.all([request("resume", 1), request("suspend", 1), request("suspend", 2), request("resume", 2)]);
  expect(calls).toEqual(["GET", "PATCH"]);
  expect(group()).toMatchObject({ podsToBeCreated: [2], podsToBeDeleted: ["demo-worker-cpu-1"] });
});

test("one that the API refuses for good takes no other down", async () => {
  const { request, group } = start({
    refuse: (patch) => {
      if (JSON.stringify(patch).includes("[7")) throw new KubernetesError("Invalid", "no seven");
    },
  });
  const settled = await Promise.allSettled([request("resume", 8), request("resume", 7), request("resume", 9)]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(group()?.podsToBeCreated).toEqual([8, 9]);
});

test("what a watch says is planned on without a read", async () => {
  const { request, calls, group } = start({ watched: (now) => now });
  await request("resume", 1);
  await request("suspend", 1);
  expect(calls).toEqual(["PATCH", "PATCH"]);
  expect(group()).toMatchObject({ podsToBeCreated: [], podsToBeDeleted: ["demo-worker-cpu-1"], replicas: 0 });
});

test("a watch that is behind costs a read; our own last patch does not", async () => {
  const old = slurmCluster([{ groupName: "cpu", replicas: 0 }]);
  const { request, calls, group } = start({ watched: () => old });
  await request("resume", 1);
  await request("resume", 2);
  expect(calls).toEqual(["PATCH", "PATCH"]);
  const other = start({ watched: (now) => ({ ...now, metadata: { ...now.metadata, generation: 0 } }) });
  await other.request("resume", 3);
  expect(other.calls).toEqual(["PATCH", "GET", "PATCH"]);
  expect(group()?.podsToBeCreated).toEqual([1, 2]);
});

test("a request that a watch says is fulfilled, or names an unknown group, is read for", async () => {
  const told = slurmCluster([{ groupName: "cpu", replicas: 1, podsToBeCreated: [1] }]);
  const { request, calls, group } = start({ watched: () => told });
  await request("resume", 1);
  expect(calls).toEqual(["GET", "PATCH"]);
  expect(group()?.podsToBeCreated).toEqual([1]);
  const unknown = start({ watched: () => slurmCluster([{ groupName: "gpu", replicas: 0 }]) });
  await unknown.request("resume", 1);
  expect(unknown.calls).toEqual(["GET", "PATCH"]);
});

test("what fails for all, as a right is missing, is not tried again for each", async () => {
  let clock = 0;
  const { request, calls } = start({
    refuse: () => {
      throw new KubernetesError("Forbidden", "no right to patch");
    },
    now: () => (clock += 1000),
  });
  const settled = await Promise.allSettled([request("resume", 1), request("resume", 2), request("resume", 3)]);
  expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  const tries = calls.length;
  await Promise.allSettled([request("resume", 4)]);
  expect(calls.length).toBe(2 * tries);
});
