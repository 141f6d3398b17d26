import { describe, expect, test } from "vitest";
import { buildWorker } from "../../../src/operator/build/worker.ts";
import { createRateLimit, type RateLimit } from "../../../src/operator/control/rate-limit.ts";
import { carryOut, createWorkersBackOff } from "../../../src/operator/control/workers.ts";
import { createWrites, type WriteResult, type Writes } from "../../../src/operator/control/writes.ts";
import { planWorkers } from "../../../src/operator/plan-workers.ts";
import { clusterOf, observedWorker, podTemplate } from "../../support/operator-manifests.ts";
import { refusal } from "./operator-model.ts";
import { virtualClock } from "./virtual-clock.ts";

const build = { clusterDomain: "cluster.local" };
const cluster = clusterOf({
  workerGroupSpecs: [{ groupName: "cpu", template: podTemplate, podsToBeCreated: [0, 1, 2, 3] }],
});
const [cpu] = cluster.groups;
if (cpu === undefined) throw new Error("no group");
const pod = buildWorker(cluster, cpu, 0, true, build);

/** Writes to an API with two connections that notes what reaches it, and when, and takes `takes` milliseconds for a write. */
function writesWith(options: { readonly rateLimit?: RateLimit; readonly error?: Error; readonly takes?: number } = {}) {
  const clock = virtualClock();
  const rateLimit = options.rateLimit ?? createRateLimit({ rate: 20, burst: 30, ...clock });
  const sent: string[] = [];
  const answer = { metadata: { uid: "uid" } };
  const writeApi = async ({ method }: { readonly method: string }) => {
    sent.push(`${method} at ${clock.now()}`);
    if (options.takes !== undefined) await clock.sleep(options.takes);
    if (options.error !== undefined) throw options.error;
    return answer;
  };
  const signal = new AbortController().signal;
  const writes = createWrites({
    readApi: async () => answer,
    writeApi,
    connections: 2,
    rateLimit,
    isLeader: () => true,
    signal,
    now: clock.now,
  });
  return { clock, rateLimit, sent, writes };
}

const inTime: readonly [string, (writes: Writes, confirmedAt: number) => Promise<WriteResult>][] = [
  ["create", (writes, at) => writes.create(pod, at)],
  ["remove", (writes, at) => writes.remove("Pod", "hpc", "demo-worker-cpu-0", "uid", at)],
  ["mark", (writes, at) => writes.mark("hpc", "demo-worker-cpu-0", "uid", at)],
];

describe.each(inTime)("%s", (_name, write) => {
  test("waits for its turn, and is not sent where that would be more than 5 s after the resource was read", async () => {
    const { clock, rateLimit, sent, writes } = writesWith();
    expect(await clock.run(write(writes, 0))).toBe("done");
    rateLimit.pause(3000);
    expect(await clock.run(write(writes, 0))).toBe("done");
    expect(sent.map((each) => each.replace(/.* at /, ""))).toEqual(["0", "3000"]);
    rateLimit.pause(60_000);
    // A look that begins in 55 s has its turn when the pause is over.
    expect(await clock.run(write(writes, 3000))).toEqual({ again: 55_000 });
    expect(clock.now()).toBe(3000);
    expect(sent).toHaveLength(2);
  });
  test("is not sent by a process that was frozen while it waited", async () => {
    const rateLimit: RateLimit = { take: async () => 0, pause: () => {} };
    const { clock, sent, writes } = writesWith({ rateLimit });
    await clock.run(clock.sleep(5001));
    expect(await write(writes, 0)).toEqual({ again: 0 });
    expect(sent).toEqual([]);
  });
  test("is not sent where those before it keep the connections too long", async () => {
    const { clock, sent, writes } = writesWith({ takes: 2400 });
    const results = await clock.run(Promise.all(Array.from({ length: 7 }, () => write(writes, 0))));
    expect(results).toEqual([...Array.from({ length: 6 }, () => "done"), { again: 0 }]);
    expect(sent.map((each) => each.replace(/.* at /, ""))).toEqual(["0", "0", "2400", "2400", "4800", "4800"]);
  });
});

test("every write waits for a connection, and no read does for that of a write", async () => {
  const { clock, sent, writes } = writesWith({ takes: 6000 });
  const path = "/apis/kai.alibabacloud.com/v1/namespaces/hpc/slurmclusters/demo";
  const applied = Promise.all([writes.apply(pod), writes.apply(pod), writes.patchStatus(path, {})]);
  await writes.read(path);
  await writes.find("Pod", "hpc", "demo-worker-cpu-0");
  expect(clock.now()).toBe(0);
  await clock.run(applied);
  expect(sent).toEqual(["PATCH at 0", "PATCH at 0", "PATCH at 6000"]);
});

test.each([404, 409])("to remove or mark what the API answers %i about is needless", async (status) => {
  const { writes } = writesWith({ error: refusal(status, "no") });
  const [, ...onPods] = inTime;
  for (const [, write] of onPods) expect(await write(writes, 0)).toBe("needless");
});

describe("carrying out", () => {
  /** Writes that have one result for each Pod that is created, in order, and then success. */
  function carriesOut(results: (WriteResult | Error)[]) {
    const clock = virtualClock();
    const { writes } = writesWith();
    const backOff = createWorkersBackOff(clock.now);
    const created: string[] = [];
    const stub: Writes = {
      ...writes,
      create: async ({ metadata }) => {
        created.push(metadata.name);
        const result = results.shift() ?? "done";
        if (result instanceof Error) throw result;
        return result;
      },
      remove: async () => ({ again: 700 }),
    };
    const context = { writes: stub, backOff, build, tell: () => {}, onPod: () => {} };
    return { clock, created, carry: (plan = planWorkers(cluster, [])) => carryOut(cluster, plan, 0, context) };
  }

  test("ends with the first write that is too late, which is no failure, and tells when to look again", async () => {
    const { carry, created } = carriesOut(["done", "done", { again: 300 }]);
    expect(await carry()).toEqual({ refusals: [], again: 300 });
    expect(created).toHaveLength(3);
    const group = { groupName: "cpu", template: podTemplate, podsToBeDeleted: ["demo-worker-cpu-9"] };
    const other = clusterOf({ workerGroupSpecs: [group] });
    expect(await carry(planWorkers(other, [observedWorker(9)]))).toEqual({ refusals: [], again: 700 });
  });

  test("a creation that was too late to be tried does not end the back-off of those that failed", async () => {
    const quota = refusal(403, "exceeded quota");
    const { carry, clock } = carriesOut([quota, quota, { again: 0 }, quota]);
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { again } = await carry();
      waits.push(again);
      await clock.run(clock.sleep(again));
    }
    expect(waits).toEqual([1000, 2000, 0, 4000]);
  });
});
