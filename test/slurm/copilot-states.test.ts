/** Nodes on their way up and down, and in an admin's hand. Each test has a node of its own, and all wait side by side. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CopilotSystem, isUp, startCopilotSystem } from "../support/copilot-system.ts";
import type { SlurmNode } from "../support/slurm-record.ts";
import { waitFor } from "../support/wait-for.ts";

/** More than two rounds, in milliseconds. */
const ROUNDS = 22_000;

let system: CopilotSystem;
beforeAll(async () => {
  system = await startCopilotSystem({
    clusterName: "states",
    groups: { cpu: 6 },
    suspendTimeout: 3,
    heldPods: ["states-worker-cpu-0", "states-worker-cpu-2"],
    extraLines: ["RebootProgram=/bin/true"],
    settings: () => ({ registrationSeconds: 10, backOffSeconds: 20 }),
    // So the copilot ends what is powered down, seconds after slurmctld would have.
    lost: ["slurm-suspend"],
  });
});
afterAll(() => system?.stop());

const isPoweringUp = ({ state }: SlurmNode) => state.has("POWERING_UP");
const isPoweredDown = ({ state }: SlurmNode) => state.has("POWERED_DOWN");
const setState = (node: string, state: string) => system.slurm.scontrol("update", `nodename=${node}`, `state=${state}`);
const hasPod = (node: string) => waitFor(`Pod ${node}`, system.pods, (found) => node in found, 20_000);

/** What the copilot did about a node, beside naming it once more for a slurm-resume that was slow. */
const stepsFor = async (node: string) =>
  (await system.said(node)).filter((line) => /^(set-down|suspend|delete-pod|power-down|return) /.test(line));

/** Brings a node up; resolves to the UID of its Pod. */
async function bringUp(node: string): Promise<string | undefined> {
  await setState(node, "POWER_UP");
  await system.slurm.waitForNode(node, "to come up", isUp, 60_000);
  return (await system.pods())[node];
}

describe.concurrent("a node", () => {
  test("whose job is cancelled while it boots keeps its Pod and comes up", async () => {
    const { slurm, cluster, worker, pods, releasePod } = system;
    const node = worker("cpu-0");
    const job = await slurm.sbatch("#!/bin/sh\ntrue\n", "--nodelist", node);
    const { [node]: pod } = await hasPod(node);
    await slurm.cancel(job);
    await sleep(ROUNDS);
    expect((await pods())[node]).toBe(pod);
    expect((await cluster.groups()).cpu?.podsToBeCreated).toContain(0);
    await releasePod(node);
    await slurm.waitForNode(node, "to come up", isUp, 30_000);
    expect((await pods())[node]).toBe(pod);
    expect(await stepsFor(node)).toEqual([]);
  });

  test("that is resumed again while its old Pod ends gets a new one, and no strike", async () => {
    const { slurm, cluster, worker, pods, holdTermination } = system;
    const node = worker("cpu-1");
    const old = await bringUp(node);
    await holdTermination(node, true);
    await setState(node, "POWER_DOWN");
    await waitFor("the suspend", cluster.groups, ({ cpu }) => cpu?.podsToBeDeleted?.includes(node) === true, 40_000);
    await slurm.waitForNode(node, "to be powered down", isPoweredDown, 10_000);
    await setState(node, "POWER_UP");
    await slurm.waitForNode(node, "to power up", isPoweringUp, 10_000);
    await sleep(ROUNDS);
    expect((await pods())[node]).toBe(old);
    await holdTermination(node, false);
    await slurm.waitForNode(node, "to come up", isUp, 30_000);
    expect((await pods())[node]).not.toBe(old);
    expect((await stepsFor(node)).filter((line) => !line.startsWith("suspend "))).toEqual([]);
  });

  test("that is powered up by hand twice comes up with its one Pod", async () => {
    const { slurm, worker, pods, releasePod } = system;
    const node = worker("cpu-2");
    await setState(node, "POWER_UP");
    const { [node]: pod } = await hasPod(node);
    await setState(node, "POWER_UP");
    await sleep(5000);
    await releasePod(node);
    await slurm.waitForNode(node, "to come up", isUp, 30_000);
    await setState(node, "POWER_UP");
    await sleep(ROUNDS);
    expect(isUp(await slurm.node(node))).toBe(true);
    expect((await pods())[node]).toBe(pod);
    expect(await stepsFor(node)).toEqual([]);
  });

  test("that is powered up while its Pod is left over from before gets a new one", async () => {
    const { slurm, worker, pods } = system;
    const node = worker("cpu-3");
    const old = await bringUp(node);
    await setState(node, "POWER_DOWN");
    await slurm.waitForNode(node, "to be powered down", isPoweredDown, 10_000);
    await setState(node, "POWER_UP");
    await slurm.waitForNode(node, "to power up", isPoweringUp, 10_000);
    await slurm.waitForNode(node, "to come up", isUp, 60_000);
    expect((await pods())[node]).not.toBe(old);
    expect((await stepsFor(node)).filter((line) => line.startsWith("set-down "))).toEqual([]);
  });

  test("in maintenance is left alone, even when its Pod is lost, until the reservation ends", async () => {
    const { slurm, worker, evict } = system;
    const node = worker("cpu-4");
    await bringUp(node);
    const reservation = [
      "reservationname=works",
      "users=root",
      "starttime=now",
      "duration=60",
      "flags=maint,ignore_jobs",
    ];
    await slurm.scontrol("create", ...reservation, `nodes=${node}`);
    await slurm.waitForNode(node, "to be in maintenance", ({ state }) => state.has("MAINTENANCE"), 15_000);
    await evict(node);
    await sleep(ROUNDS);
    const { state, reason } = await slurm.node(node);
    expect([state.has("DOWN"), reason]).toEqual([false, ""]);
    expect(await stepsFor(node)).toEqual([]);
    await slurm.scontrol("delete", "reservationname=works");
    await slurm.waitForNode(node, "to be DOWN", ({ reason }) => reason.startsWith("power-agent: Evicted: "), 40_000);
  });

  test("that waits for a reboot is left alone, even when its Pod is lost, until the reboot is cancelled", async () => {
    const { slurm, worker, evict } = system;
    const node = worker("cpu-5");
    await bringUp(node);
    const job = await slurm.sbatch("#!/bin/sh\nsleep 600\n", "--nodelist", node);
    await slurm.waitForJob(job, "to run", ({ JobState }) => JobState === "RUNNING", 60_000);
    await slurm.scontrol("reboot", "reason=kernel", node);
    await slurm.waitForNode(node, "to wait", ({ state }) => state.has("REBOOT_REQUESTED"), 10_000);
    await evict(node);
    await sleep(ROUNDS);
    const { state, reason } = await slurm.node(node);
    expect([state.has("DOWN"), reason]).toEqual([false, "kernel"]);
    expect(await stepsFor(node)).toEqual([]);
    await slurm.scontrol("cancel_reboot", node);
    await slurm.waitForNode(node, "to be DOWN", ({ reason }) => reason.startsWith("power-agent: Evicted: "), 40_000);
    await slurm.cancel(job);
  });
});
