/** A Kubernetes API that breaks in every way: the copilot does nothing wrong meanwhile, and goes on by itself afterwards. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { createApiClient } from "../../scripts/cluster/api-client.ts";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { type CopilotSystem, isUp, startCopilotSystem } from "../support/copilot-system.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import type { WholeSystem } from "../support/whole-system.ts";

let system: CopilotSystem;
let proxy: FaultProxy | undefined;
let fault: (method: string, count: number, path: string) => Fault;
let tokenFile: string;
const pass: Fault = { kind: "pass" };
const isWatch = (path: string) => path.includes("watch=true");

beforeAll(async () => {
  fault = () => pass;
  system = await startCopilotSystem({
    clusterName: "faults",
    groups: { cpu: 4, other: 1 },
    settings: async (whole, controlPlane) => ({
      kubeconfig: await throughProxy(whole, controlPlane),
      backOffSeconds: 5,
    }),
  });
  const { slurm, worker } = system;
  for (const name of ["cpu-0", "cpu-1", "cpu-2", "cpu-3"]) {
    await slurm.scontrol("update", `nodename=${worker(name)}`, "state=POWER_UP");
  }
  for (const name of ["cpu-0", "cpu-1", "cpu-2", "cpu-3"]) {
    await slurm.waitForNode(worker(name), "to come up", isUp, 60_000);
  }
}, 240_000);
afterAll(async () => {
  await system?.stop();
  await proxy?.close();
});
beforeEach(() => {
  fault = () => pass;
});

/** A kubeconfig that leads through the proxy, with a token in a file. */
async function throughProxy({ slurm, cluster }: WholeSystem, controlPlane: ControlPlane): Promise<string> {
  proxy = await startFaultProxy(controlPlane, (...request) => fault(...request));
  const config = parse(await readFile(join(slurm.folder, "kubeconfig"), "utf8"));
  const path = join(slurm.folder, "proxied.kubeconfig");
  tokenFile = join(slurm.folder, "token");
  // What a kubelet puts there for an hour is over, as kube-apiserver sees it, about 90 seconds from now.
  await writeFile(
    tokenFile,
    await controlPlane.serviceAccountToken("default", cluster.name, { expirationSeconds: 30 }),
  );
  config.clusters[0].cluster.server = `https://127.0.0.1:${proxy.port}`;
  config.users[0].user = { tokenFile };
  await writeFile(path, stringify(config), { mode: 0o600 });
  await promisify(execFile)("chown", ["slurm:slurm", path, tokenFile]);
  return path;
}

/** What kube-apiserver answers to whoever still has this token. */
async function statusFor(token: string): Promise<number> {
  const { url, caFile } = system.controlPlane;
  const client = createApiClient({ url, ca: await readFile(caFile), credentials: { token }, userAgent: "old" });
  try {
    return (await client.request("GET", "/api/v1/namespaces/default/pods")).status;
  } finally {
    client.close();
  }
}

/** The Pods of the nodes that no test has taken the Pod of: cpu-3's goes when slurmctld gets to it. */
async function podsOfOthers(): Promise<Record<string, string>> {
  const { [system.worker("cpu-3")]: _, ...others } = await system.pods();
  return others;
}

/** Takes all names out of the lists, and asserts that they come back without any harm done. */
async function wipedListsComeBack(timeout: number): Promise<void> {
  const { cluster, worker } = system;
  const before = await podsOfOthers();
  expect(Object.keys(before)).toEqual([worker("cpu-0"), worker("cpu-1"), worker("cpu-2")]);
  await cluster.patch([
    { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [] },
    { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 0 },
  ]);
  const isBack = ({ cpu: now }: Awaited<ReturnType<typeof cluster.groups>>) =>
    [0, 1, 2].every((index) => now?.podsToBeCreated?.includes(index) === true);
  await waitFor("the lists", cluster.groups, isBack, timeout);
  expect(await podsOfOthers()).toEqual(before);
}

/** Slurm counts on all nodes of the group but cpu-3. */
async function othersAreUp(): Promise<void> {
  const { slurm, worker } = system;
  const up = (await slurm.nodes()).filter(isUp).map(({ name }) => name);
  expect(up).toEqual(expect.arrayContaining([worker("cpu-0"), worker("cpu-1"), worker("cpu-2")]));
}

test("watches cut every second: a Pod that is evicted is noticed at once all the same, and lists come back", async () => {
  const { slurm, worker, evict } = system;
  const node = worker("cpu-3");
  fault = (_method, _count, path) => (isWatch(path) ? { kind: "cut", after: 1000 } : pass);
  await sleep(3000);
  await evict(node);
  await slurm.waitForNode(node, "to be DOWN", ({ reason }) => reason.startsWith("power-agent: Evicted: "), 10_000);
  await wipedListsComeBack(30_000);
  await othersAreUp();
});

test("every watch answered with 410 Gone", async () => {
  const body = JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", reason: "Expired", code: 410 });
  fault = (_method, _count, path) => (isWatch(path) ? { kind: "answer", status: 410, body } : pass);
  // The watches that are open are not asked again.
  proxy?.breakAll();
  await sleep(5000);
  fault = () => pass;
  await wipedListsComeBack(40_000);
  await othersAreUp();
});

test("409 and 422 in turns, and somebody who writes ten times a second", async () => {
  const { cluster, said } = system;
  // Until the copilot has given up once, and for ten seconds at least.
  const gaveUp = /resume of \S+ failed, the next round tries again: /;
  const before = (await said()).length;
  const storm = performance.now();
  let refusing = true;
  fault = (method, count) => {
    if (method !== "PATCH" || !refusing) return pass;
    const [code, reason] = count % 2 === 0 ? [409, "Conflict"] : [422, "Invalid"];
    const body = JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message: "no", reason, code });
    return { kind: "answer", status: code as number, body };
  };
  const refusal = (async () => {
    await waitFor("the copilot to give up", said, (lines) => gaveUp.test(lines.slice(before).join("\n")), 60_000);
    await sleep(Math.max(0, 10_000 - (performance.now() - storm)));
  })().finally(() => {
    refusing = false;
  });
  let writing = true;
  const writer = (async () => {
    for (let replicas = 0; writing; replicas = 1 - replicas) {
      const path = "/spec/workerGroupSpecs/1/workerCount";
      await cluster.patch([{ op: "add", path, value: replicas }]);
      await sleep(100);
    }
  })();
  try {
    const back = wipedListsComeBack(100_000).then(() => expect(refusing).toBe(false));
    await Promise.all([refusal, back]);
  } finally {
    writing = false;
    await writer;
  }
  await othersAreUp();
});

test("kube-apiserver down for 60 s, in which the token is replaced and the old one expires", async () => {
  const { slurm, cluster, controlPlane, worker, said } = system;
  const job = await slurm.sbatch("#!/bin/sh\nsleep 600\n", "--nodelist", worker("cpu-0"));
  await slurm.waitForJob(job, "to run", ({ JobState }) => JobState === "RUNNING", 60_000);
  const old = await readFile(tokenFile, "utf8");
  await writeFile(tokenFile, await controlPlane.serviceAccountToken("default", cluster.name));
  const before = await podsOfOthers();
  const steps = (await said()).length;
  await controlPlane.stopApiserver();
  await sleep(60_000);
  const meanwhile = (await said()).slice(steps);
  expect(meanwhile.join("\n")).toMatch(/cannot be watched/);
  expect(meanwhile.filter((line) => /set-down|suspend|delete-pod|power-down|return/.test(line))).toEqual([]);
  expect((await slurm.job(job)).JobState).toBe("RUNNING");
  await controlPlane.startApiserver();
  // Where all before went fast it has some seconds left.
  await waitFor(
    "the old token to expire",
    () => statusFor(old),
    (status) => status === 401,
    60_000,
  );
  expect(await podsOfOthers()).toEqual(before);
  await wipedListsComeBack(60_000);
  expect(await said()).toContain("all can be read again");
  expect((await slurm.job(job)).JobState).toBe("RUNNING");
  await othersAreUp();
});
