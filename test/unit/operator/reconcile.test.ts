import { describe, expect, test } from "vitest";
import { podTemplate } from "../../support/operator-manifests.ts";
import { operatorModel, rateLimitOf, refusal } from "./operator-model.ts";
import { virtualClock } from "./virtual-clock.ts";

const range = (count: number) => Array.from({ length: count }, (_, index) => index);
const workers = (indexes: readonly number[]) => indexes.map((index) => `demo-worker-cpu-${index}`);
const isReadOfResource = ({ method, path }: { method: string; path: string }) =>
  method === "GET" && path.includes("/slurmclusters/");

describe("what the resource no longer asks for when its turn comes", () => {
  test("a name that slurm-resume takes back in the middle of a scale-down keeps its Pod", async () => {
    const clock = virtualClock();
    const model = operatorModel({
      clock,
      group: { podsToBeDeleted: workers(range(400)) },
      pods: range(400),
    });
    // Highest first, so these are the last that a plan of now would come to, after some 18 s.
    const taken = [0, 1, 2];
    void clock.sleep(8000).then(() => {
      model.setGroup({ podsToBeCreated: taken, podsToBeDeleted: workers(range(400).slice(3)) });
    });
    await clock.run(model.until(60_000));
    expect(model.pods().toSorted()).toEqual(taken.map(model.pod));
    expect(model.counted).toEqual({ created: 0, deleted: 397 });
    const deletes = model.seen.filter(({ method }) => method === "DELETE");
    expect(deletes).toHaveLength(397);
    for (const { at } of deletes) {
      const confirmed = model.seen.findLast((call) => isReadOfResource(call) && call.at <= at);
      expect(at - (confirmed?.at ?? Number.NaN)).toBeLessThanOrEqual(5000);
    }
  });

  test("nor is it deleted after a pause that the API asked for, during which nobody asks on and on", async () => {
    const clock = virtualClock();
    let refused = 0;
    const model = operatorModel({
      clock,
      group: { podsToBeDeleted: workers(range(40)) },
      pods: range(40),
      onCall: ({ method }) => {
        if (method !== "DELETE" || refused > 0) return;
        refused += 1;
        throw refusal(429, "too many requests", 60);
      },
    });
    void clock.sleep(30_000).then(() => {
      model.setGroup({ podsToBeCreated: [0], podsToBeDeleted: workers(range(40).slice(1)) });
    });
    await clock.run(model.until(90_000));
    expect(model.pods()).toEqual([model.pod(0)]);
    const during = model.seen.filter(({ at }) => at > 1000 && at < 50_000);
    expect(during.filter(({ method }) => method !== "GET")).toEqual([]);
    expect(during.filter(isReadOfResource).length).toBeLessThan(10);
    // The look that begins shortly before the end of the pause has its turn at the end.
    const [, first] = model.seen.filter(({ method }) => method === "DELETE");
    expect(first?.at).toBeLessThan(62_000);
  });

  test("what is wanted no more is not created", async () => {
    const clock = virtualClock();
    const model = operatorModel({ clock, group: { podsToBeCreated: range(400) } });
    void clock.sleep(3000).then(() => {
      model.setGroup({ podsToBeCreated: [0], podsToBeDeleted: [] });
    });
    await clock.run(model.until(60_000));
    const created = model.seen.filter(({ method, path }) => method === "POST" && path.includes("/pods"));
    expect(Math.max(...created.map(({ at }) => at))).toBeLessThan(6000);
    expect(created.length).toBeLessThan(150);
  });

  test("nor is it after the writes before it, of Services and rights, had to wait", async () => {
    const clock = virtualClock();
    const rateLimit = rateLimitOf(clock);
    const model = operatorModel({ clock, rateLimit, group: { podsToBeCreated: range(4) } });
    rateLimit.pause(20_000);
    void clock.sleep(10_000).then(() => model.setGroup({ podsToBeCreated: [3] }));
    await clock.run(model.until(40_000));
    expect(model.pods()).toEqual([model.pod(3)]);
    expect(model.counted).toEqual({ created: 1, deleted: 0 });
  });

  test("a Deployment that is asked for again while its deletion waits is not deleted", async () => {
    const clock = virtualClock();
    const rateLimit = rateLimitOf(clock);
    const model = operatorModel({ clock, rateLimit });
    const daemon = { template: podTemplate };
    model.setSpec({ slurmdbd: daemon });
    await clock.run(model.until(1000));
    model.setSpec({ slurmdbd: null });
    rateLimit.pause(60_000);
    void clock.sleep(30_000).then(() => model.setSpec({ slurmdbd: daemon }));
    await clock.run(model.until(90_000));
    expect(model.seen.filter(({ method }) => method === "DELETE")).toEqual([]);
    model.setSpec({ slurmdbd: null });
    await clock.run(model.until(95_000));
    expect(model.seen.filter(({ method }) => method === "DELETE")).toHaveLength(2);
  });
});

test("an API that takes longer to answer than the answer may be trusted is told of, and nothing is deleted until it is quicker", async () => {
  const clock = virtualClock();
  let slow = true;
  const model = operatorModel({
    clock,
    group: { podsToBeDeleted: workers([0, 1]) },
    pods: [0, 1],
    onCall: async (call) => {
      if (slow && isReadOfResource(call)) await clock.sleep(5500 + (clock.now() % 400));
    },
  });
  await clock.run(model.until(60_000));
  expect(model.counted.deleted).toBe(0);
  expect(model.statuses).toEqual(["unhealthy: nothing is deleted: the API took 5 s to answer"]);
  expect(new Set(model.told)).toEqual(new Set(["Refused: nothing is deleted: the API took 5 s to answer"]));
  const reads = model.seen.filter(isReadOfResource).map(({ at }) => at);
  expect(reads.length).toBeGreaterThan(5);
  // The first status is a change, which is looked at soon.
  for (const [position, at] of reads.entries()) {
    if (position > 1) expect(at - (reads[position - 1] ?? 0)).toBeGreaterThan(6500);
  }
  slow = false;
  await clock.run(model.until(75_000));
  expect(model.counted.deleted).toBe(2);
  expect(model.statuses.at(-1)).toMatch(/^ready/);
});

test("a worker that cannot be started after ten minutes of pulling its image makes the cluster unhealthy a minute later", async () => {
  const clock = virtualClock();
  const model = operatorModel({ clock, group: { podsToBeCreated: [0] }, pods: [0] });
  const setContainer = (waiting: object): void => {
    const { metadata } = model.objects.get(model.pod(0)) ?? { metadata: { name: "" } };
    const conditions = ["Ready", "ContainersReady"].map((type) => ({
      type,
      status: "False",
      lastTransitionTime: new Date(0).toISOString(),
    }));
    model.store(model.pod(0), {
      metadata,
      status: { phase: "Pending", conditions, containerStatuses: [{ name: "slurmd", state: { waiting } }] },
    });
  };
  setContainer({ reason: "ContainerCreating" });
  await clock.run(model.until(600_000));
  setContainer({ reason: "ErrImagePull", message: "no such image" });
  await clock.run(model.until(659_000));
  expect(model.statuses.at(-1)).toMatch(/^progressing: .* demo-worker-cpu-0: ImagePullBackOff: ErrImagePull: no such/);
  await clock.run(model.until(700_000));
  expect(model.statuses.at(-1)).toMatch(/^unhealthy: demo-worker-cpu-0: ImagePullBackOff: ErrImagePull: no such image/);
  expect(model.statuses.filter((status) => status.startsWith("unhealthy"))).toHaveLength(1);
});

describe("progress", () => {
  test.each([
    ["deleted", { podsToBeDeleted: workers(range(3000)) }, range(3000)],
    ["created", { podsToBeCreated: range(3000) }, []],
  ] as const)(
    "3,000 Pods are %s at the full rate, and another cluster has its turn between them",
    async (what, group, pods) => {
      const clock = virtualClock();
      const rateLimit = rateLimitOf(clock);
      const large = operatorModel({ clock, rateLimit, group, pods });
      const small = operatorModel({ clock, rateLimit, name: "small" });
      const waits: number[] = [];
      void (async () => {
        for (const index of range(10)) {
          await clock.sleep(10_300);
          const asked = clock.now();
          small.setGroup({ podsToBeCreated: range(index + 1) });
          while (!small.objects.has(small.pod(index))) await clock.sleep(100);
          waits.push(clock.now() - asked);
        }
      })();
      await clock.run(Promise.all([large.until(155_000), small.until(155_000)]));
      expect(large.counted[what]).toBe(3000);
      expect(small.counted.created).toBe(10);
      expect(Math.max(...waits)).toBeLessThan(10_000);
      // One read for each five seconds, and some more at the beginning and the end.
      expect(large.seen.filter(isReadOfResource).length).toBeLessThan(45);
    },
  );
});

describe("creations that fail", () => {
  test("are tried each minute at least, and at once with another template", async () => {
    const clock = virtualClock();
    const model = operatorModel({
      clock,
      group: { podsToBeCreated: range(40), template: { spec: { containers: [{ name: "slurmd", image: "broken" }] } } },
      onCall: ({ body, method }) => {
        if (method === "POST" && body?.includes("broken")) throw refusal(403, "exceeded quota");
      },
    });
    // In the middle of a wait.
    const hour = 3_630_000;
    await clock.run(model.until(hour));
    const tries = model.seen.filter(({ method }) => method === "POST").map(({ at }) => at);
    expect(tries.length).toBeLessThan(80);
    for (const [position, at] of tries.entries()) expect((tries[position + 1] ?? hour) - at).toBeLessThan(61_000);
    model.setGroup({ template: podTemplate });
    await clock.run(model.until(clock.now() + 2000));
    expect(model.counted.created).toBe(40);
  });

  test("with a conflict over something else than the name are told of; one with a Pod of ours is none", async () => {
    const clock = virtualClock();
    const model = operatorModel({
      clock,
      group: { podsToBeCreated: [0, 1] },
      onCall: ({ body = "", method, path }, { objects, pod, store }) => {
        if (method !== "POST") return;
        const { metadata, ...rest } = JSON.parse(body);
        if (metadata.name === "demo-worker-cpu-0")
          store(`${path.split("?")[0]}/${metadata.name}`, { metadata, ...rest });
        else if (!objects.has(pod(1)) && clock.now() < 30_000) throw refusal(409, "the object has been modified");
      },
    });
    await clock.run(model.until(20_000));
    expect(model.pods()).toEqual([model.pod(0)]);
    expect(model.counted.created).toBe(0);
    expect(model.statuses.at(-1)).toMatch(/^unhealthy: cannot create Pod demo-worker-cpu-1: .* has been modified$/);
    await clock.run(model.until(100_000));
    expect(model.counted.created).toBe(1);
    expect(model.statuses.at(-1)).toMatch(/^progressing/);
  });
});

test.each([
  ["gone", 404],
  ["another one by now", 409],
])("a Pod that is %s is not told of as deleted", async (_what, status) => {
  const clock = virtualClock();
  const model = operatorModel({
    clock,
    group: { podsToBeDeleted: workers([0, 1]) },
    pods: [0, 1],
    onCall: ({ method, path }, { objects, pod }) => {
      if (method !== "DELETE" || !path.startsWith(pod(0))) return;
      objects.delete(pod(0));
      throw refusal(status, "no");
    },
  });
  await clock.run(model.until(5000));
  expect(model.pods()).toEqual([]);
  expect(model.counted.deleted).toBe(1);
  expect(model.told).toEqual(["WorkerDeleted: deleted demo-worker-cpu-1: named in podsToBeDeleted"]);
});

test("children are read every 30 seconds, and only what somebody changed or deleted is written", async () => {
  const clock = virtualClock();
  const model = operatorModel({ clock, pods: [] });
  model.setSpec({ slurmctld: { template: podTemplate } });
  const services = "/api/v1/namespaces/hpc/services/demo";
  const statefulSet = "/apis/apps/v1/namespaces/hpc/statefulsets/demo";
  const labels = { "kai.alibabacloud.com/slurm-cluster": "demo", "kai.alibabacloud.com/slurm-node-type": "head" };
  model.store("/api/v1/namespaces/hpc/pods/demo-0", { metadata: { name: "demo-0", namespace: "hpc", labels } });
  const written = () =>
    model.seen
      .filter(({ method, path }) => method !== "GET" && !path.includes("/slurmclusters/"))
      .map(({ path }) => path.split("?")[0]);
  await clock.run(model.until(5000));
  const all = written();
  expect(all).toHaveLength(7);

  // A controller writes its status.
  const { metadata, ...rest } = model.objects.get(statefulSet) ?? { metadata: { name: "" } };
  model.store(statefulSet, { metadata, ...rest, status: { replicas: 1 } });
  await clock.run(model.until(65_000));
  expect(written()).toEqual(all);
  const reads = model.seen.filter(({ method, path }) => method === "GET" && path.startsWith(statefulSet));
  expect(reads).toHaveLength(3);

  model.objects.delete(services);
  model.store(statefulSet, { metadata, ...rest, spec: { replicas: 0 } });
  await clock.run(model.until(130_000));
  expect(written().slice(all.length)).toEqual([services, statefulSet]);
  expect(model.objects.get(statefulSet)?.spec).toEqual(rest.spec);
});
