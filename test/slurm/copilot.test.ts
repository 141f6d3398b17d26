/** The copilot makes good what the programs lost and what happened to Pods, and never ends what works. */
import { execFile } from "node:child_process";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { getFromSocket } from "../../src/http/unix-client.ts";
import { applyCopilotRole } from "../support/agent-role.ts";
import { type CopilotProcess, installationThatLoses, startCopilot } from "../support/copilot-process.ts";
import type { SlurmNode } from "../support/slurm-record.ts";
import { markUnschedulable } from "../support/unschedulable.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem } from "../support/whole-system.ts";

let controlPlane: ControlPlane;
let system: WholeSystem | undefined;
let copilot: CopilotProcess | undefined;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane?.stop());
afterEach(async () => {
  await copilot?.end("SIGKILL");
  await system?.stop();
  copilot = undefined;
  system = undefined;
});

/** A system whose slurmctld runs our programs, except those that are lost. */
async function start(clusterName: string, lost: readonly string[] = [], more: object = {}): Promise<WholeSystem> {
  const installation = await installationThatLoses(inject("installation"), lost);
  system = await startWholeSystem({ controlPlane, installation, clusterName, groups: { cpu: 4 }, ...more });
  await applyCopilotRole(controlPlane, { namespace: "default", cluster: clusterName });
  return system;
}
const isUp = ({ state }: SlurmNode) =>
  ["POWERED_DOWN", "POWERING_UP", "NOT_RESPONDING", "DOWN"].every((flag) => !state.has(flag));
const logOf = async ({ resumeLog }: WholeSystem) => (await resumeLog()).map(({ message }) => message).join("\n");

describe("what the programs lost", () => {
  test("a resume: the node comes up within two rounds", async () => {
    const { slurm, cluster, worker } = await start("lost-resume", ["slurm-resume"]);
    copilot = await startCopilot(inject("installation"), system as WholeSystem);
    expect(await slurm.srun("printenv", "SLURMD_NODENAME")).toBe(`${worker("cpu-0")}\n`);
    expect((await cluster.groups()).cpu).toMatchObject({ replicas: 1, podsToBeCreated: [0] });
    expect(await logOf(system as WholeSystem)).toMatch(/resume lost-resume-worker-cpu-0: .* \(lost-resume\)/);
    const events = await controlPlane.request(
      "GET",
      "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dlost-resume",
    );
    expect(events.body).toMatchObject({
      items: [
        {
          type: "Normal",
          reason: "LostResume",
          count: 1,
          message: expect.stringMatching(/^resume lost-resume-worker-cpu-0: /),
        },
      ],
    });
  });

  test("a resume killed before its PATCH: its node is asked for within two rounds, and comes up", async () => {
    const { slurm, cluster, worker, resumeLog } = await start("killed-resume");
    const node = worker("cpu-0");
    await controlPlane.pause();
    const running = slurm.srun("printenv", "SLURMD_NODENAME");
    try {
      const isCalled = (lines: readonly { message: string }[]) =>
        lines.some(({ message }) => message === `resume called, args [${node}]`);
      await waitFor("slurm-resume", resumeLog, isCalled, 15_000);
      await promisify(execFile)("pkill", ["--signal=KILL", "--full", `slurm-resume ${node}$`]);
    } finally {
      controlPlane.resume();
    }
    copilot = await startCopilot(inject("installation"), system as WholeSystem);
    const isAskedFor = ({ cpu }: Awaited<ReturnType<typeof cluster.groups>>) =>
      cpu?.podsToBeCreated?.includes(0) === true;
    await waitFor("the request", cluster.groups, isAskedFor, 25_000);
    expect(await running).toBe(`${node}\n`);
    expect(await logOf(system as WholeSystem)).not.toContain("resume finished");
  });

  test("a suspend: the Pod goes, and the node's next job is not touched", async () => {
    const { slurm, cluster, worker, pods } = await start("lost-suspend", ["slurm-suspend"]);
    const node = worker("cpu-0");
    await slurm.srun("true");
    copilot = await startCopilot(inject("installation"), system as WholeSystem);
    await slurm.scontrol("update", `nodename=${node}`, "state=POWER_DOWN");
    await waitFor("the Pod to go", pods, (found) => !(node in found), 60_000);
    expect((await cluster.groups()).cpu).toMatchObject({ replicas: 0, podsToBeCreated: [] });
    expect(await slurm.srun("printenv", "SLURMD_NODENAME")).toBe(`${node}\n`);
    expect((await cluster.groups()).cpu).toMatchObject({ replicas: 1, podsToBeCreated: [0] });
  });
});

test("lists wiped by hand: nothing is ended, and they are back within a round", async () => {
  const { slurm, cluster, worker, pods } = await start("wiped");
  const running = slurm.srun("sleep", "25");
  await slurm.waitForNode(worker("cpu-0"), "to come up", isUp, 60_000);
  const before = await pods();
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  await cluster.patch([
    { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [] },
    { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 0 },
  ]);
  await waitFor("the lists", cluster.groups, ({ cpu }) => cpu?.podsToBeCreated?.includes(0) === true, 25_000);
  await running;
  expect(await pods()).toEqual(before);
});

test("a Pod deleted under a running job: DOWN with the reason, and the job requeued within 5 s", async () => {
  const { slurm, worker } = await start("vanished", [], { suspendTimeout: 30 });
  const node = worker("cpu-0");
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  const job = await slurm.sbatch("#!/bin/sh\nsleep 600\n", "--nodelist", node);
  await slurm.waitForJob(job, "to run", ({ JobState }) => JobState === "RUNNING", 90_000);
  await controlPlane.request("DELETE", `/api/v1/namespaces/default/pods/${node}`);
  const deleted = performance.now();
  await slurm.waitForJob(job, "to be requeued", ({ Restarts }) => Restarts === "1", 15_000);
  expect(performance.now() - deleted).toBeLessThan(5000);
  // The operator makes the Pod anew at once, and its slurmd may have registered by now, which clears the Reason.
  expect(await slurm.controllerLog()).toMatch(
    /vanished-worker-cpu-0 .*power-agent: Pod(Deleted|Replaced): .* \[strike 1 until \S+Z\]/,
  );
});

test("a Pod that cannot be scheduled: reason in Slurm within the limit, job requeued, request withdrawn, group closed", async () => {
  const node = "crowded-worker-cpu-0";
  const { slurm, cluster, pods } = await start("crowded", [], { resumeTimeout: 40, heldPods: [node] });
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  const job = await slurm.sbatch("#!/bin/sh\ntrue\n", "--nodelist", node);
  await waitFor("the Pod", pods, (found) => node in found, 15_000);
  await markUnschedulable(controlPlane, node);
  await slurm.waitForJob(job, "to be requeued", ({ Restarts }) => Restarts === "1", 35_000);
  expect((await slurm.node(node)).reason).toMatch(/^power-agent: Unschedulable: .*Insufficient cpu.* \[strike 1 until/);
  await waitFor("the lists", cluster.groups, ({ cpu }) => (cpu?.podsToBeCreated ?? []).length === 0, 15_000);
  await waitFor("the Pod to go", pods, (found) => !(node in found), 15_000);
  const closed = (found: SlurmNode[]) =>
    found.every(({ name, reason }) => name === node || reason.startsWith("power-agent: CapacityBackOff: "));
  await waitFor("the other nodes of the group to be closed", slurm.nodes, closed, 25_000);
  await slurm.waitForNode(
    node,
    "to be powered down",
    ({ state }) => state.has("DOWN") && state.has("POWERED_DOWN"),
    40_000,
  );
});

test("it leaves an admin's states alone", async () => {
  const { slurm, worker, pods } = await start("admin");
  const [drained, downed] = [worker("cpu-0"), worker("cpu-1")];
  await Promise.all([slurm.srun("--nodelist", drained, "true"), slurm.srun("--nodelist", downed, "true")]);
  await slurm.scontrol("update", `nodename=${drained}`, "state=DRAIN", "reason=disk");
  await slurm.scontrol("update", `nodename=${downed}`, "state=DOWN", "reason=mine");
  const before = await pods();
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  await new Promise((resolve) => setTimeout(resolve, 25_000));
  expect(await pods()).toEqual(before);
  expect((await slurm.node(drained)).reason).toBe("disk");
  expect((await slurm.node(downed)).reason).toBe("mine");
});

test.each([
  ["has nothing to do", "ended"],
  ["waits for slurmctld", "ended-beside-slurm"],
  ["waits for kube-apiserver", "ended-beside-api"],
])("SIGTERM ends it within 2 s when it %s", async (what, clusterName) => {
  const { slurm, worker } = await start(clusterName, ["slurm-resume"]);
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  const untilLogged = (words: string) =>
    waitFor(
      words,
      () => logOf(system as WholeSystem),
      (log) => log.includes(words),
      40_000,
    );
  await untilLogged("copilot");
  if (what === "waits for slurmctld") {
    slurm.signalController("SIGSTOP");
    // Longer than from one round to the next.
    await sleep(12_000);
  }
  if (what === "waits for kube-apiserver") {
    const ready = () => getFromSocket(join(slurm.folder, "log/copilot.sock"), "/readyz").catch(() => "");
    await waitFor("its first round", ready, (answer) => answer !== "", 30_000);
    await controlPlane.pause();
    await slurm.scontrol("update", `nodename=${worker("cpu-0")}`, "state=POWER_UP");
    await untilLogged("(lost-resume)");
  }
  try {
    const { exitCode, milliseconds } = await copilot.end("SIGTERM");
    expect(exitCode).toBe(0);
    expect(milliseconds).toBeLessThan(2000);
  } finally {
    slurm.signalController("SIGCONT");
    controlPlane.resume();
  }
});

test("SIGHUP: it goes on in a new log file and by new settings", async () => {
  const { slurm, writeSettings } = await start("rotated");
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  const said = (words: string) =>
    waitFor(
      words,
      () => logOf(system as WholeSystem),
      (log) => log.includes(words),
      15_000,
    );
  await said("copilot");
  const log = join(slurm.folder, "log/resume.log");
  await rename(log, `${log}.1`);
  await writeSettings({ strikeLimit: 0, metricsPort: 9 });
  copilot.send("SIGHUP");
  await said("SIGHUP: log opened anew, settings read again");
  await said("strikeLimit: must be a whole number from 1 to 20, not 0; the default is used");
  await said("settings: metricsPort has changed; it counts after a restart");
  expect(await readFile(`${log}.1`, "utf8")).not.toContain("SIGHUP");
});
