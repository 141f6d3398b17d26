/** kube-apiserver or slurmctld away in the middle of a wake-up: the request is recorded all the same. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { SlurmNode } from "../support/slurm-record.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem } from "../support/whole-system.ts";

let controlPlane: ControlPlane;
let system: WholeSystem;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  const options = { clusterName: "outage", groups: { cpu: 4 }, heldPods: ["outage-worker-cpu-1"] };
  system = await startWholeSystem({ controlPlane, installation: inject("installation"), ...options });
});
afterAll(async () => {
  await system?.stop();
  await controlPlane?.stop();
});

const isUp = ({ state }: SlurmNode) =>
  ["POWERED_DOWN", "POWERING_UP", "NOT_RESPONDING", "DOWN"].every((flag) => !state.has(flag));

/** Resolves when slurm-resume has said that it was called for this node. */
async function called(node: string): Promise<void> {
  const message = `resume called, args [${node}]`;
  await waitFor(message, system.resumeLog, (lines) => lines.some((line) => line.message === message), 15_000);
}

/** What the run of slurm-resume for this node has logged. */
async function linesOfRun(node: string): Promise<string[]> {
  const lines = await system.resumeLog();
  const run = lines.find(({ message }) => message === `resume called, args [${node}]`)?.run;
  return lines.filter((line) => line.run === run).map(({ message }) => message);
}

test("kube-apiserver down when slurm-resume is called, and back four seconds later", async () => {
  const node = system.worker("cpu-0");
  await controlPlane.stopApiserver();
  const running = system.slurm.srun("--nodelist", node, "printenv", "SLURMD_NODENAME");
  await called(node);
  await sleep(4000);
  expect((await linesOfRun(node)).at(-1)).toMatch(/^try \d+ failed: GET .* connect ECONNREFUSED/);
  await controlPlane.startApiserver();
  expect(await running).toBe(`${node}\n`);
  expect((await system.cluster.groups()).cpu).toMatchObject({ replicas: 1, podsToBeCreated: [0] });
  expect((await linesOfRun(node)).at(-1)).toMatch(/^resume finished: 1 recorded, 0 failed, \d+ ms, exit 0$/);
});

test("slurmctld restarted while the node's Pod starts", async () => {
  const { slurm, cluster, pods, worker, releasePod } = system;
  const node = worker("cpu-1");
  const job = await slurm.sbatch("#!/bin/sh\nprintenv SLURMD_NODENAME\n", "--nodelist", node);
  await waitFor("the Pod", pods, (found) => node in found, 15_000);
  await slurm.restartController();
  expect((await slurm.node(node)).state.has("POWERING_UP")).toBe(true);
  await releasePod(node);
  await slurm.waitForJob(job, "to complete", ({ JobState }) => JobState === "COMPLETED", 60_000);
  expect(await slurm.jobOutput(job)).toBe(`${node}\n`);
  expect((await cluster.groups()).cpu).toMatchObject({ replicas: 2, podsToBeCreated: [0, 1] });
});

test.each(["SIGTERM", "SIGKILL"] as const)(
  "slurmctld ended by %s and restarted while slurm-resume runs",
  async (signal) => {
    const { slurm, cluster, worker } = system;
    const index = signal === "SIGTERM" ? 2 : 3;
    const node = worker(`cpu-${index}`);
    await controlPlane.pause();
    try {
      await slurm.scontrol("update", `nodename=${node}`, "state=POWER_UP");
      await called(node);
      await slurm.killController(signal);
      await slurm.restartController();
    } finally {
      controlPlane.resume();
    }
    await waitFor("the request", cluster.groups, ({ cpu }) => cpu?.podsToBeCreated?.includes(index) === true, 20_000);
    await slurm.waitForNode(node, "to come up", isUp, 20_000);
    expect((await linesOfRun(node)).at(-1)).toMatch(/^resume finished: 1 recorded, 0 failed, \d+ ms, exit 0$/);
  },
);

test("a suspend that is overtaken by the node's next resume while the API is away leaves its Pod alone", async () => {
  const { slurm, cluster, pods, worker, suspendLog } = system;
  const node = worker("cpu-0");
  const { [node]: pod } = await pods();
  const resumesBefore = (await system.resumeLog()).length;
  await controlPlane.stopApiserver();
  await slurm.scontrol("update", `nodename=${node}`, "state=POWER_DOWN");
  await waitFor("slurm-suspend", suspendLog, (lines) => lines.some(({ message }) => message.includes(node)), 15_000);
  const late = sleep(11_000);
  await slurm.waitForNode(node, "to be powered down", ({ state }) => state.has("POWERED_DOWN"), 20_000);
  await slurm.scontrol("update", `nodename=${node}`, "state=POWER_UP");
  await late;
  await controlPlane.startApiserver();
  const ended = (lines: { message: string }[]) => lines.some(({ message }) => message.includes(" finished: "));
  await waitFor("the end of slurm-suspend", suspendLog, ended, 20_000);
  await waitFor("the end of slurm-resume", system.resumeLog, (lines) => ended(lines.slice(resumesBefore)), 20_000);
  const said = (await suspendLog())
    .map(({ message }) => message)
    .filter((message) => !message.startsWith("slurmctld-copilot does not run"));
  expect(said.at(-1)).toMatch(/^suspend finished: 0 recorded, 1 failed, \d+ ms, exit 1$/);
  expect(said.at(-2)).toMatch(
    /^suspend node outage-worker-cpu-0 failed: NotParked: the suspend is late and it is .*POWERING_UP.* in Slurm by now/,
  );
  const { cpu } = await cluster.groups();
  expect(cpu?.podsToBeCreated).toContain(0);
  expect(cpu?.podsToBeDeleted ?? []).not.toContain(node);
  expect((await pods())[node]).toBe(pod);
});
