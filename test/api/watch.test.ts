import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
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

test("Pods that come, fail and go are known at once, from one list and one watch", async () => {
  await pods.createPod(worker(0));
  let changes = 0;
  const onChange = () => {
    changes += 1;
  };
  const { watched } = await pods.watch({ onChange });
  await watched.ready;
  expect([...watched.objects.keys()]).toEqual([worker(0)]);
  const started = performance.now();
  await pods.createPod(worker(1));
  await pods.writeStatus(worker(1), pullingStatus);
  await pods.deletePod(worker(0));
  await waitFor(
    "the last change",
    () => [...watched.objects.keys()],
    (names) => names.join() === worker(1),
    2000,
  );
  expect(performance.now() - started).toBeLessThan(1500);
  expect(watched.objects.get(worker(1))?.failure?.code).toBe("ImagePullBackOff");
  await pods.agree(watched);
  const before = changes;
  // A label that is not kept: an event, and nothing to tell.
  const path = `/api/v1/namespaces/default/pods/${worker(1)}`;
  const contentType = "application/merge-patch+json";
  const contact = watched.freshness().lastContact;
  await controlPlane.request("PATCH", path, { body: { metadata: { labels: { more: "1" } } }, contentType });
  await waitFor(
    "that event",
    () => watched.freshness().lastContact,
    (now) => now !== contact,
    2000,
  );
  expect(changes).toBe(before);
  expect([lists(), watches()]).toEqual([1, 1]);
});

test("250 Pods are listed in three pages", async () => {
  await Promise.all(range(250).map((index) => pods.createPod(worker(index))));
  const { watched } = await pods.watch();
  await watched.ready;
  expect(watched.objects.size).toBe(250);
  expect(lists()).toBe(3);
  await pods.agree(watched);
});

test("watches that end in their time are followed by others, without a list and without a doubt", async () => {
  const doubts: unknown[] = [];
  const { watched } = await pods.watch({
    watchTimeout: 1000,
    onChange: () => doubts.push(...(watched.freshness().synced ? [] : [watched.freshness()])),
  });
  await watched.ready;
  for (const index of range(8)) {
    await pods.createPod(worker(index));
    await sleep(600);
  }
  await pods.agree(watched);
  expect(watches()).toBeGreaterThan(2);
  expect(lists()).toBe(1);
  expect(doubts).toEqual([]);
});

test("bookmarks keep what is quiet fresh", async () => {
  const { watched } = await pods.watch({ watchTimeout: 6000, random: () => 0 });
  await watched.ready;
  await pods.createPod(worker(0));
  await pods.agree(watched);
  // kube-apiserver 1.20 sends none before something has changed that was not there when the watch began, as the first Pod may be.
  await pods.createPod(worker(1));
  await pods.agree(watched);
  const { lastContact } = watched.freshness();
  await waitFor(
    "a bookmark",
    () => watched.freshness().lastContact,
    (contact) => contact !== lastContact,
    6000,
  );
  expect([lists(), watches()]).toEqual([1, 1]);
});

test("a server with nothing to say, not even a bookmark, is listed after the idle timeout and never in doubt", async () => {
  let doubts = 0;
  const { watched } = await pods.watch({
    idleTimeout: 1000,
    onChange: () => {
      if (!watched.freshness().synced) doubts += 1;
    },
  });
  await watched.ready;
  await sleep(3500);
  expect(lists()).toBeGreaterThanOrEqual(3);
  expect(lists()).toBeLessThanOrEqual(5);
  expect(doubts).toBe(0);
});

test("the objects are listed again after the resync interval", async () => {
  const { watched } = await pods.watch({ resyncInterval: 1000 });
  await watched.ready;
  await sleep(2500);
  expect(lists()).toBeGreaterThanOrEqual(3);
  expect(lists()).toBeLessThanOrEqual(4);
  await pods.agree(watched);
});

test("the signal ends it at once, in whatever it is", async () => {
  const following = await pods.watch();
  await following.watched.ready;
  fault = () => ({ kind: "hang" });
  const listing = await pods.watch();
  fault = () => ({ kind: "answer", status: 429, headers: { "Retry-After": "50" } });
  const waitingLong = await pods.watch();
  await waitFor(
    "the wait",
    () => waitingLong.watched.freshness().problem?.kind,
    (kind) => kind === "Throttled",
    2000,
  );
  const started = performance.now();
  await Promise.all([following.stop(), listing.stop(), waitingLong.stop()]);
  expect(performance.now() - started).toBeLessThan(500);
  await waitingLong.watched.ready;
});
