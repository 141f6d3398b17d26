import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { applyCopilotRole } from "../support/agent-role.ts";
import { compactEtcd } from "../support/etcd-compaction.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { createPodsFixture, type PodsFixture, pullingStatus } from "../support/watched-pods.ts";

const pass: Fault = { kind: "pass" };
const isWatch = (path: string) => path.includes("watch=true");

let controlPlane: ControlPlane;
let proxy: FaultProxy;
let fault: (path: string) => Fault = () => pass;
let pods: PodsFixture;
let made = 0;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  proxy = await startFaultProxy(controlPlane, (_method, _count, path) => fault(path));
});
afterAll(async () => {
  await proxy.close();
  await controlPlane.stop();
});
beforeEach(async () => {
  made += 1;
  fault = () => pass;
  pods = await createPodsFixture(controlPlane, `watched-${made}`, { port: proxy.port });
  proxy.seen.length = 0;
});

const lists = () => proxy.seen.filter(({ path }) => !isWatch(path)).length;
const watches = () => proxy.seen.filter(({ path }) => isWatch(path)).length;
const worker = (index: number) => `${pods.cluster}-worker-cpu-${index}`;
const range = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("after each fault the watch agrees with a fresh list", () => {
  test("connections that are cut every second: no event is missed and nothing is listed", async () => {
    fault = (path) => (isWatch(path) ? { kind: "cut", after: 1000 } : pass);
    const { watched } = await pods.watch();
    await watched.ready;
    for (const index of range(16)) {
      await pods.createPod(worker(index));
      if (index % 3 === 2) await pods.deletePod(worker(index - 1));
      await sleep(400);
    }
    await pods.agree(watched);
    expect(watches()).toBeGreaterThan(3);
    expect(lists()).toBe(1);
  });

  test("a connection that goes dead without a word is stale until the idle timeout, then its objects are listed", async () => {
    fault = (path) => (isWatch(path) ? { kind: "mute", after: 300 } : pass);
    const { watched } = await pods.watch({ idleTimeout: 3000 });
    await watched.ready;
    await sleep(500);
    await pods.createPod(worker(0));
    await sleep(1500);
    // Nobody can know yet, and nothing claims to.
    expect(watched.objects.size).toBe(0);
    expect(Date.now() - (watched.freshness().lastContact ?? 0)).toBeGreaterThan(1900);
    await waitFor(
      "the list",
      () => watched.objects.size,
      (size) => size === 1,
      3000,
    );
    await pods.agree(watched);
    expect(lists()).toBe(2);
  });

  test("silence counts across connections that are cut: a server without bookmarks cannot look fresh for ever", async () => {
    fault = (path) => (isWatch(path) ? { kind: "cut", after: 500 } : pass);
    const { watched } = await pods.watch({ idleTimeout: 2000 });
    await watched.ready;
    await sleep(6000);
    expect(lists()).toBeGreaterThanOrEqual(2);
    expect(lists()).toBeLessThanOrEqual(4);
    await pods.agree(watched);
  });

  test("a server that hangs instead of answering", async () => {
    const { watched } = await pods.watch({ watchTimeout: 1000 });
    await watched.ready;
    fault = () => ({ kind: "hang" });
    await waitFor(
      "the problem",
      () => watched.freshness(),
      ({ problem }) => problem?.kind === "Timeout",
      12_000,
    );
    expect(watched.freshness().synced).toBe(false);
    await pods.createPod(worker(0));
    fault = () => pass;
    await pods.agree(watched, 15_000);
  });

  test("410 as the answer to a watch", async () => {
    const { watched } = await pods.watch({ watchTimeout: 1000 });
    await watched.ready;
    const body = '{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}';
    let refusals = 2;
    fault = (path) => (isWatch(path) && refusals-- > 0 ? { kind: "answer", status: 410, body } : pass);
    await pods.createPod(worker(0));
    await waitFor("two more lists", lists, (count) => count === 3, 5000);
    await pods.agree(watched);
  });

  test.each([
    ["an ERROR event with 410", '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n', "Gone"],
    [
      "an ERROR event with 500",
      '{"type":"ERROR","object":{"kind":"Status","code":500,"message":"x"}}\n',
      "ServerError",
    ],
    ["a line that is not JSON", "<html>\n", "Malformed"],
    ["an event without an object", '{"type":"ADDED"}\n', "Malformed"],
    ["half an event", '{"type":"ADDED","object":{"metadata":', undefined],
  ])("%s", async (_what, body, kind) => {
    const kinds = new Set<string>();
    fault = (path) => (isWatch(path) ? { kind: "answer", status: 200, body } : pass);
    const { watched } = await pods.watch({
      onChange: () => {
        const { problem } = watched.freshness();
        if (problem !== undefined) kinds.add(problem.kind);
      },
    });
    await sleep(1500);
    expect([...kinds]).toEqual(kind === undefined ? [] : [kind]);
    // It is a handful, and never a storm.
    expect(proxy.seen.length).toBeLessThan(40);
    await pods.createPod(worker(0));
    fault = () => pass;
    await pods.agree(watched);
  });

  test("an expired token: typed as Unauthorized, and well again once the kubelet has replaced it", async () => {
    await pods.writeToken(await controlPlane.serviceAccountToken("default", pods.cluster, { expirationSeconds: -120 }));
    const { watched } = await pods.watch();
    await waitFor(
      "the problem",
      () => watched.freshness(),
      ({ problem }) => problem?.kind === "Unauthorized",
      3000,
    );
    await pods.createPod(worker(0));
    await pods.writeToken(await controlPlane.serviceAccountToken("default", pods.cluster));
    await pods.agree(watched);
  });

  test("a token that is replaced while the watch runs is read at its next connection", async () => {
    const { watched } = await pods.watch({ watchTimeout: 1000 });
    await watched.ready;
    await pods.writeToken("revoked");
    await waitFor(
      "the problem",
      () => watched.freshness(),
      ({ problem }) => problem?.kind === "Unauthorized",
      5000,
    );
    await pods.writeToken("");
    await waitFor(
      "the problem",
      () => watched.freshness(),
      ({ problem }) => problem?.kind === "Credentials",
      10_000,
    );
    await pods.createPod(worker(0));
    await pods.writeToken(await controlPlane.serviceAccountToken("default", pods.cluster));
    await pods.agree(watched, 40_000);
    expect(lists()).toBe(1);
  });

  test("no right to list Pods: typed as Forbidden, tried ever more slowly, well once the Role is there", async () => {
    const barred = await createPodsFixture(controlPlane, `barred-${made}`, { port: proxy.port, roles: false });
    proxy.seen.length = 0;
    const { watched } = await barred.watch({ random: () => 0.1 });
    await sleep(4000);
    expect(watched.freshness()).toMatchObject({ synced: false, problem: { kind: "Forbidden" } });
    expect(watched.freshness().problem?.message).toMatch(
      /403 pods is forbidden: User "system:serviceaccount:default:barred-\d+" cannot list resource "pods"/,
    );
    expect(watched.freshness()).not.toHaveProperty("lastContact");
    expect(proxy.seen.length).toBeLessThan(14);
    await applyCopilotRole(controlPlane, { namespace: "default", cluster: barred.cluster });
    await barred.agree(watched, 10_000);
  });

  test("whatever happens to connections, in any order", async () => {
    const faults: readonly Fault[] = [
      pass,
      { kind: "cut", after: 0 },
      { kind: "cut", after: 200 },
      { kind: "mute", after: 100 },
      { kind: "answer", status: 410, body: "{}" },
      { kind: "answer", status: 200, body: "}\n" },
      { kind: "answer", status: 503 },
      { kind: "lost" },
    ];
    const [sequence = []] = fc.sample(fc.array(fc.constantFrom(...faults), { minLength: 500, maxLength: 500 }), {
      seed: 7,
      numRuns: 1,
    });
    let next = 0;
    fault = () => sequence[next++ % sequence.length] ?? pass;
    const { watched } = await pods.watch({ idleTimeout: 1000, watchTimeout: 1000 });
    for (const index of range(60)) {
      await pods.createPod(worker(index));
      if (index % 4 === 0) await pods.writeStatus(worker(index), pullingStatus);
      if (index % 3 === 2) await pods.deletePod(worker(index - 1));
      await sleep(150);
    }
    fault = () => pass;
    await pods.agree(watched, 15_000);
    expect(next).toBeGreaterThan(10);
  });
});

describe("kube-apiserver itself", () => {
  let direct: PodsFixture;
  beforeEach(async () => {
    direct = await createPodsFixture(controlPlane, `direct-${made}`);
  });
  const indexed = (index: number) => `${direct.cluster}-worker-cpu-${index}`;

  test("stopped and started: in doubt at once, and in agreement after", async () => {
    await direct.createPod(indexed(0));
    const { watched } = await direct.watch();
    await watched.ready;
    await controlPlane.stopApiserver();
    await waitFor(
      "the problem",
      () => watched.freshness(),
      ({ problem }) => problem?.kind === "Network",
      2000,
    );
    await sleep(3000);
    await controlPlane.startApiserver();
    await direct.createPod(indexed(1));
    await direct.deletePod(indexed(0));
    await direct.agree(watched, 15_000);
  });

  test("frozen: stale, in doubt once asked again, and in agreement after", async () => {
    await direct.createPod(indexed(0));
    const { watched } = await direct.watch({ idleTimeout: 2000 });
    await watched.ready;
    await controlPlane.pause();
    try {
      await waitFor(
        "the problem",
        () => watched.freshness(),
        ({ problem }) => problem?.kind === "Timeout",
        12_000,
      );
      expect(Date.now() - (watched.freshness().lastContact ?? 0)).toBeGreaterThan(2000);
    } finally {
      controlPlane.resume();
    }
    await direct.createPod(indexed(1));
    await direct.agree(watched, 15_000);
  });

  test("restarted while nobody watches: its new cache does not go back so far (410), so the Pods are listed", async () => {
    await pods.createPod(worker(0));
    const { watched } = await pods.watch({ watchTimeout: 1000 });
    await watched.ready;
    fault = () => ({ kind: "answer", status: 503 });
    await waitFor(
      "the problem",
      () => watched.freshness(),
      ({ problem }) => problem?.kind === "ServerError",
      5000,
    );
    await pods.deletePod(worker(0));
    await pods.createPod(worker(1));
    await controlPlane.stopApiserver();
    await compactEtcd(controlPlane);
    await controlPlane.startApiserver();
    const kinds: (string | undefined)[] = [];
    const observer = setInterval(() => kinds.push(watched.freshness().problem?.kind), 1);
    const before = lists();
    fault = () => pass;
    await pods.agree(watched, 15_000);
    clearInterval(observer);
    expect(lists()).toBe(before + 1);
    expect(kinds).toContain("Gone");
    expect([...watched.objects.keys()]).toEqual([worker(1)]);
  });

  test("a list whose next page etcd has forgotten (410) is begun anew", async () => {
    await Promise.all(range(150).map((index) => pods.createPod(worker(index))));
    let compactions = 0;
    let compacting: Promise<void> | undefined;
    fault = (path) => {
      if (!path.includes("continue=") || compactions > 0) return pass;
      compactions += 1;
      compacting = pods.deletePod(worker(0)).then(() => compactEtcd(controlPlane));
      // The next try finds its page gone.
      return { kind: "answer", status: 503 };
    };
    const { watched } = await pods.watch();
    await watched.ready;
    await compacting;
    await pods.agree(watched);
    expect(watched.objects.size).toBe(149);
  });
});
