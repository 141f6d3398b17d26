import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { type Leadership, leadWithLease } from "../../src/kubernetes/lease.ts";
import { createApi } from "../../src/kubernetes/request.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { call } from "../support/stand-in-api.ts";
import { tokenConnection } from "../support/token-connection.ts";
import { waitFor } from "../support/wait-for.ts";

// A third of the real times; what is measured below are these, and a busy machine only makes each longer.
const times = { leaseDuration: 6000, renewDeadline: 4000, retryPeriod: 700 };
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

let controlPlane: ControlPlane;
let proxy: FaultProxy;
let fault: Fault = { kind: "pass" };
let token: string;
let made = 0;
let name = "";

beforeAll(async () => {
  controlPlane = await startControlPlane();
  token = await controlPlane.serviceAccountToken("default", "candidate");
  await grantLeases();
  proxy = await startFaultProxy(controlPlane, () => fault);
});
afterAll(async () => {
  await proxy?.close();
  await controlPlane?.stop();
});
beforeEach(() => {
  made += 1;
  name = `lease-${made}`;
});
afterEach(() => {
  fault = { kind: "pass" };
});

/** What a candidate needs, and nothing more. */
async function grantLeases(): Promise<void> {
  const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const rules = [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"] }];
  await call(controlPlane.request, [201], "POST", `${rbac}/roles`, { body: { metadata: { name: "leases" }, rules } });
  const body = {
    metadata: { name: "leases" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "leases" },
    subjects: [{ kind: "ServiceAccount", name: "candidate", namespace: "default" }],
  };
  await call(controlPlane.request, [201], "POST", `${rbac}/rolebindings`, { body });
}

interface Candidate {
  readonly leaders: (string | undefined)[];
  readonly problems: string[];
  leadership: Leadership | undefined;
  /** Ends its work, not its candidacy. */
  readonly finish: () => void;
  readonly ending: AbortController;
  readonly result: Promise<"ended" | "lost">;
}

/** A candidate whose work lasts until it is told to end. With `cut` it reaches the API through the proxy. */
async function candidate(identity: string, options: { readonly cut?: boolean } = {}) {
  const connection = await tokenConnection(controlPlane, token, options.cut ? proxy.port : controlPlane.port);
  const ending = new AbortController();
  const finished = Promise.withResolvers<void>();
  const started: Candidate = {
    leaders: [],
    problems: [],
    leadership: undefined,
    finish: finished.resolve,
    ending,
    result: leadWithLease(
      {
        api: createApi(connection, { userAgent: identity, now: Date.now }),
        namespace: "default",
        name,
        identity,
        now: Date.now,
        monotonic: () => performance.now(),
        random: Math.random,
        sleep: (milliseconds, signal) => delay(Math.max(0, milliseconds), undefined, { signal }).catch(() => {}),
        signal: ending.signal,
        onLeader: (leader) => started.leaders.push(leader),
        onProblem: (message) => started.problems.push(message),
        ...times,
      },
      async (leadership) => {
        started.leadership = leadership;
        await Promise.race([finished.promise, aborted(leadership.signal)]);
      },
    ),
  };
  onTestFinished(async () => {
    ending.abort();
    await started.result;
  });
  return started;
}

const aborted = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
const leads = async (who: Candidate, timeout = 30_000) =>
  waitFor(
    "it to lead",
    () => who.leadership?.isHeld() ?? false,
    (held) => held,
    timeout,
  );

interface LeaseObject {
  metadata: { resourceVersion: string; labels?: object };
  spec: { holderIdentity?: string; leaseTransitions: number; renewTime: string; leaseDurationSeconds: number };
}
const read = () => call<LeaseObject>(controlPlane.request, [200], "GET", `${leases}/${name}`);

test("one of two leads and renews; when it ends cleanly the other leads at once", async () => {
  const first = await candidate("first");
  await leads(first);
  const before = await read();
  expect(before.spec).toMatchObject({ holderIdentity: "first", leaseTransitions: 0, leaseDurationSeconds: 6 });
  const second = await candidate("second");
  await delay(times.leaseDuration + 2000);
  expect(second.leadership).toBeUndefined();
  expect(second.leaders).toEqual(["first"]);
  expect(first.leadership?.isHeld()).toBe(true);
  expect((await read()).spec.renewTime > before.spec.renewTime).toBe(true);

  const released = performance.now();
  first.finish();
  expect(await first.result).toBe("ended");
  await leads(second);
  // Without the release it would take the whole duration.
  expect(performance.now() - released).toBeLessThan(times.leaseDuration - 1000);
  expect((await read()).spec).toMatchObject({ holderIdentity: "second", leaseTransitions: 1 });
  expect(first.problems).toEqual([]);
  expect(second.problems).toEqual([]);
});

test("of many that start at once exactly one leads", async () => {
  const all = await Promise.all(Array.from({ length: 8 }, (_, index) => candidate(`candidate-${index}`)));
  await Promise.race(all.map((each) => leads(each)));
  await delay(2 * times.retryPeriod);
  expect(all.filter((each) => each.leadership !== undefined)).toHaveLength(1);
});

test("a leader that has died is followed after the duration, and not sooner", async () => {
  // The Lease of somebody who does not renew it, with a time that lies far in the future of all clocks but his own.
  const spec = {
    holderIdentity: "dead",
    leaseDurationSeconds: times.leaseDuration / 1000,
    acquireTime: "2099-01-01T00:00:00.000000Z",
    renewTime: "2099-01-01T00:00:00.000000Z",
    leaseTransitions: 4,
  };
  await call(controlPlane.request, [201], "POST", leases, { body: { metadata: { name }, spec } });
  const started = performance.now();
  const heir = await candidate("heir");
  await leads(heir);
  expect(performance.now() - started).toBeGreaterThan(times.leaseDuration);
  expect((await read()).spec).toMatchObject({ holderIdentity: "heir", leaseTransitions: 5 });
});

describe("when the API is cut off", () => {
  test.each<[string, Fault]>([
    ["and hangs", { kind: "hang" }],
    ["and answers 401", { kind: "answer", status: 401 }],
    ["and answers 500", { kind: "answer", status: 500 }],
  ])("%s, the leader ends before the other begins", async (_how, broken) => {
    const first = await candidate("first", { cut: true });
    await leads(first);
    const second = await candidate("second");
    fault = broken;
    let endedAt = 0;
    void first.result.then(() => {
      endedAt = performance.now();
    });
    await leads(second);
    const begunAt = performance.now();
    expect(first.leadership?.isHeld()).toBe(false);
    expect(await first.result).toBe("lost");
    expect(endedAt).toBeLessThan(begunAt);
    expect(first.problems).toHaveLength(1);
    expect(first.problems[0]).toContain(`Lease default/${name}: PUT https://`);
  });

  test("for less than the deadline, the leader goes on", async () => {
    const first = await candidate("first", { cut: true });
    await leads(first);
    const before = await read();
    fault = { kind: "answer", status: 503 };
    await delay(times.renewDeadline / 2);
    fault = { kind: "pass" };
    await waitFor("a renewal", read, ({ spec }) => spec.renewTime > before.spec.renewTime, 20_000);
    expect(first.leadership?.signal.aborted).toBe(false);
  });

  test("for answers alone: a renewal that went through unanswered is no stranger's", async () => {
    const first = await candidate("first", { cut: true });
    await leads(first);
    const seen = proxy.seen.length;
    fault = { kind: "lost" };
    await waitFor(
      "a lost renewal",
      () => proxy.seen.slice(seen).filter(({ method }) => method === "PUT").length,
      (puts) => puts >= 1,
      20_000,
    );
    fault = { kind: "pass" };
    const { metadata } = await read();
    await waitFor("a renewal", read, (lease) => lease.metadata.resourceVersion !== metadata.resourceVersion, 20_000);
    expect(first.leadership?.isHeld()).toBe(true);
  });
});

test("somebody's label on the Lease is kept and costs nothing; a Lease that was deleted is made anew", async () => {
  const first = await candidate("first");
  await leads(first);
  const labels = { team: "hpc" };
  await call(controlPlane.request, [200], "PATCH", `${leases}/${name}`, {
    body: { metadata: { labels } },
    contentType: "application/merge-patch+json",
  });
  const { spec } = await read();
  const renewed = await waitFor("a renewal", read, (lease) => lease.spec.renewTime > spec.renewTime, 20_000);
  expect(renewed.metadata.labels).toEqual(labels);
  await call(controlPlane.request, [200], "DELETE", `${leases}/${name}`);
  await waitFor("a new Lease", read, (lease) => lease.spec.holderIdentity === "first", 20_000);
  expect(first.leadership?.isHeld()).toBe(true);
});

test("a leader whose Lease another has taken stops at its next renewal", async () => {
  const first = await candidate("first");
  await leads(first);
  await call(controlPlane.request, [200], "PATCH", `${leases}/${name}`, {
    body: { spec: { holderIdentity: "usurper" } },
    contentType: "application/merge-patch+json",
  });
  expect(await first.result).toBe("lost");
  expect((await read()).spec.holderIdentity).toBe("usurper");
});

test("the work's own error comes out, after the Lease was given back", async () => {
  const connection = await tokenConnection(controlPlane, token);
  const work = leadWithLease(
    {
      api: createApi(connection, { userAgent: "broken", now: Date.now }),
      namespace: "default",
      name,
      identity: "broken",
      now: Date.now,
      monotonic: () => performance.now(),
      random: Math.random,
      sleep: (milliseconds) => delay(milliseconds),
      signal: new AbortController().signal,
      onLeader: () => {},
      onProblem: () => {},
      ...times,
    },
    async () => {
      throw new Error("a defect");
    },
  );
  await expect(work).rejects.toThrow("a defect");
  expect((await read()).spec.holderIdentity).toBeUndefined();
});
