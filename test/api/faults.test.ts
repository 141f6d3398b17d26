import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { makeCertificates } from "../../scripts/cluster/certificates.ts";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { type ClusterFixture, createClusterFixture } from "../support/cluster-fixture.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let controlPlane: ControlPlane;
let proxy: FaultProxy;
let fault: (method: string, count: number) => Fault = () => ({ kind: "pass" });
let fixture: ClusterFixture;
let made = 0;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  proxy = await startFaultProxy(controlPlane, (method, count) => fault(method, count));
});
afterAll(async () => {
  await proxy.close();
  await controlPlane.stop();
});
beforeEach(async () => {
  made += 1;
  fault = () => ({ kind: "pass" });
  proxy.seen.length = 0;
  fixture = await createClusterFixture(controlPlane, `demo-${made}`, [{ groupName: "cpu", replicas: 0 }], {
    port: proxy.port,
  });
});

const resume = () => fixture.pod.run(join(inject("installation"), "slurm-resume"), [`${fixture.name}-worker-cpu-0`]);
const settings = (text: string) => fixture.pod.write("/etc/slurm/power-agent.yaml", text);
const log = () => fixture.pod.read("/var/log/slurm-resume.log");
const recorded = async () => (await fixture.groups()).cpu;
const once = { podsToBeCreated: [0], replicas: 1 };

describe("what passes is retried", () => {
  test.each<[string, Fault]>([
    ["500", { kind: "answer", status: 500, body: "internal" }],
    ["503", { kind: "answer", status: 503 }],
    ["409", { kind: "answer", status: 409, body: '{"message":"Operation cannot be fulfilled"}' }],
    ["an answer that is not JSON", { kind: "answer", status: 200, body: "<html>" }],
    ["a patch that is applied while its answer is lost", { kind: "lost" }],
    ["401 until the token is rotated", { kind: "answer", status: 401 }],
  ])("%s, three times", async (_what, broken) => {
    fault = (_method, count) => (count <= 3 ? broken : { kind: "pass" });
    if (broken.kind === "lost")
      fault = (method, count) => (method === "PATCH" && count <= 6 ? broken : { kind: "pass" });
    expect((await resume()).exitCode).toBe(0);
    expect(await recorded()).toMatchObject(once);
    expect(await log()).toMatch(/try 1 failed: .*; next in \d+ ms/);
  });

  test("429 is retried no sooner than Retry-After says", async () => {
    fault = (_method, count) =>
      count === 1 ? { kind: "answer", status: 429, headers: { "Retry-After": "2" } } : { kind: "pass" };
    expect((await resume()).exitCode).toBe(0);
    const [first, second] = proxy.seen.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(1950);
    expect(await recorded()).toMatchObject(once);
  });

  test("a server that hangs is asked again on a new connection", async () => {
    fault = (_method, count) => (count === 1 ? { kind: "hang" } : { kind: "pass" });
    expect((await resume()).exitCode).toBe(0);
    expect(await recorded()).toMatchObject(once);
    expect(await log()).toContain("no answer within 6 s");
  });

  test("kube-apiserver down for three seconds", async () => {
    const direct = await createClusterFixture(controlPlane, `direct-${made}`, [{ groupName: "cpu", replicas: 0 }]);
    await controlPlane.stopApiserver();
    const run = direct.pod.run(join(inject("installation"), "slurm-resume"), [`${direct.name}-worker-cpu-0`]);
    await sleep(3000);
    await controlPlane.startApiserver();
    expect((await run).exitCode).toBe(0);
    expect((await direct.groups()).cpu).toMatchObject(once);
    expect(await direct.pod.read("/var/log/slurm-resume.log")).toContain("ECONNREFUSED");
  });

  test("an expired token, replaced by the kubelet a second later", async () => {
    await fixture.pod.write(
      "/run/secrets/kubernetes.io/serviceaccount/token",
      await controlPlane.serviceAccountToken("default", fixture.name, { expirationSeconds: -120 }),
    );
    const run = resume();
    await sleep(1000);
    await fixture.pod.write(
      "/run/secrets/kubernetes.io/serviceaccount/token",
      await controlPlane.serviceAccountToken("default", fixture.name),
    );
    expect((await run).exitCode).toBe(0);
    expect(await recorded()).toMatchObject(once);
    expect(await log()).toContain("401 Unauthorized");
  });
});

describe("what does not pass ends within the deadline, with exit 1 and one clear line", () => {
  test.each<[string, Fault, string]>([
    ["a server that answers 500 for ever", { kind: "answer", status: 500 }, "500"],
    ["a server that hangs for ever", { kind: "hang" }, "no answer before the deadline"],
    [
      "a Retry-After beyond the deadline",
      { kind: "answer", status: 429, headers: { "Retry-After": "60" } },
      "there is no time for another",
    ],
  ])("%s", async (_what, broken, said) => {
    await settings("deadlineSeconds: 3\n");
    fault = () => broken;
    const { exitCode, milliseconds } = await resume();
    expect(exitCode).toBe(1);
    expect(milliseconds).toBeLessThan(4500);
    expect(await recorded()).toEqual({ groupName: "cpu", replicas: 0 });
    const errors = (await log()).split("\n").filter((line) => line.includes(" ERROR "));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(said);
  });

  test("kube-apiserver that is frozen", async () => {
    const direct = await createClusterFixture(controlPlane, `frozen-${made}`, [{ groupName: "cpu", replicas: 0 }]);
    await direct.pod.write("/etc/slurm/power-agent.yaml", "deadlineSeconds: 2\n");
    await controlPlane.pause();
    const { exitCode, milliseconds } = await direct.pod.run(join(inject("installation"), "slurm-resume"), [
      `${direct.name}-worker-cpu-0`,
    ]);
    controlPlane.resume();
    expect(exitCode).toBe(1);
    expect(milliseconds).toBeLessThan(3500);
  });
});

describe("what cannot pass is refused with a reason", () => {
  const failure = async () => (await log()).split("\n").find((line) => line.includes("resume failed: ")) ?? "";

  test("403: no Role", async () => {
    await controlPlane.request(
      "DELETE",
      `/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/${fixture.name}`,
    );
    expect((await resume()).exitCode).toBe(1);
    expect(await failure()).toMatch(
      /403 slurmclusters.kai.alibabacloud.com "demo-\d+" is forbidden: User "system:serviceaccount:default:demo-\d+" cannot get/,
    );
  });

  test("404: no such SlurmCluster", async () => {
    await controlPlane.request(
      "DELETE",
      `/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters/${fixture.name}`,
    );
    expect((await resume()).exitCode).toBe(1);
    expect(await failure()).toMatch(/404 slurmclusters.kai.alibabacloud.com "demo-\d+" not found/);
  });

  test("422 with causes: the patch is against the schema", async () => {
    fault = (method) =>
      method === "PATCH"
        ? { kind: "answer", status: 422, body: '{"message":"replicas: must be less","details":{"causes":[{}]}}' }
        : { kind: "pass" };
    expect((await resume()).exitCode).toBe(1);
    expect(proxy.seen.map(({ method }) => method)).toEqual(["GET", "PATCH"]);
    expect(await failure()).toContain("422 replicas: must be less");
  });

  test("422 without causes on an object that nobody changes: not a conflict, and not retried for ever", async () => {
    fault = (method) =>
      method === "PATCH" ? { kind: "answer", status: 422, body: '{"message":"rejected"}' } : { kind: "pass" };
    expect((await resume()).exitCode).toBe(1);
    expect(proxy.seen.map(({ method }) => method)).toEqual(["GET", "PATCH", "GET", "PATCH"]);
  });

  test("a certificate of another authority: refused after five seconds of doubt, no token is sent", async () => {
    const stranger = await makeCertificates(temporaryFolder(), ["127.0.0.1"]);
    const { readFile } = await import("node:fs/promises");
    await fixture.pod.write(
      "/run/secrets/kubernetes.io/serviceaccount/ca.crt",
      await readFile(stranger.caFile, "utf8"),
    );
    const { exitCode, milliseconds } = await resume();
    expect(exitCode).toBe(1);
    expect(milliseconds).toBeGreaterThan(4900);
    expect(milliseconds).toBeLessThan(9000);
    expect(proxy.seen).toEqual([]);
    expect(await failure()).toContain("the server's certificate is not trusted");
  });

  test("tokens never get into the log", async () => {
    fault = () => ({ kind: "answer", status: 401 });
    await settings("deadlineSeconds: 1\n");
    await resume();
    const token = await fixture.pod.read("/run/secrets/kubernetes.io/serviceaccount/token");
    expect(token.length).toBeGreaterThan(100);
    expect(await log()).not.toContain(token.slice(0, 40));
  });

  test("without a service account: exit 2 and what was looked at", async () => {
    await fixture.pod.write("/run/secrets/kubernetes.io/serviceaccount/token", "");
    expect((await resume()).exitCode).toBe(2);
    expect(await failure()).toContain(
      "the token file /var/run/secrets/kubernetes.io/serviceaccount/token is missing or empty",
    );
  });
});

test("ended by SIGTERM, as slurmctld does at its time limit: the log says so and the run ends at once", async () => {
  fault = () => ({ kind: "hang" });
  let pid = 0;
  const run = fixture.pod.run(join(inject("installation"), "slurm-resume"), [`${fixture.name}-worker-cpu-0`], {
    onStart: (started) => {
      pid = started;
    },
  });
  for (let waited = 0; proxy.seen.length === 0 && waited < 100; waited += 1) await sleep(50);
  process.kill(pid, "SIGTERM");
  expect((await run).exitCode).toBe(1);
  expect(await log()).toMatch(
    /ended by SIGTERM before it was done\n.*resume finished: 0 recorded, 0 failed, \d+ ms, exit 1\n$/,
  );
});
