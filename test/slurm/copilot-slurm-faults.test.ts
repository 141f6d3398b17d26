/** A slurmctld that is away, hangs, has lost its state, or a scontrol that tells half: nothing is ended, and all goes on by itself. */
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { getFromSocket } from "../../src/http/unix-client.ts";
import { type CopilotSystem, isUp, startCopilotSystem } from "../support/copilot-system.ts";
import { waitFor } from "../support/wait-for.ts";

let system: CopilotSystem;
/** While this file exists scontrol shows one node only. */
let half: string;
beforeAll(async () => {
  system = await startCopilotSystem({
    clusterName: "away",
    groups: { cpu: 3 },
    settings: async ({ slurm }) => {
      half = join(slurm.folder, "half");
      const scontrol = join(slurm.folder, "scontrol");
      await writeFile(
        scontrol,
        `#!/bin/sh
case "$*" in *"show node"*) [ -e ${half} ] && exec sh -c 'scontrol "$@" | head -n 1' sh "$@" ;; esac
exec scontrol "$@"
`,
      );
      await chmod(scontrol, 0o755);
      return { scontrol, registrationSeconds: 10, backOffSeconds: 5 };
    },
  });
  const { slurm, worker } = system;
  for (const name of ["cpu-0", "cpu-1"]) await slurm.scontrol("update", `nodename=${worker(name)}`, "state=POWER_UP");
  for (const name of ["cpu-0", "cpu-1"]) await slurm.waitForNode(worker(name), "to come up", isUp, 60_000);
}, 240_000);
afterAll(() => system?.stop());

/** What `kubectl apply` of a manifest without workers does. */
const wipe = () =>
  system.cluster.patch([
    { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [] },
    { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 0 },
  ]);
const wanted = async () => (await system.cluster.groups()).cpu?.podsToBeCreated ?? [];
const isBack = (indexes: readonly number[]) => indexes.includes(0) && indexes.includes(1);
/** Steps that the copilot has said it takes. */
const steps = async () =>
  (await system.said()).filter((line) => /^(set-down|suspend|delete-pod|power-down|return|resume) /.test(line));

/** Wipes the lists during a fault, in which nothing may be done for so long. */
async function nothingIsDone(milliseconds: number): Promise<void> {
  const [pods, before] = [await system.pods(), await steps()];
  await wipe();
  await sleep(milliseconds);
  const ask = (path: string): Promise<string> => getFromSocket(join(system.slurm.folder, "log/copilot.sock"), path);
  await expect(ask("/readyz")).rejects.toThrow(/ 503 Slurm is unknown: /);
  const [, staleness] = /^slurm_power_agent_staleness_seconds\S* (\S+)$/m.exec(await ask("/metrics")) ?? [];
  expect(Number(staleness)).toBeGreaterThan(milliseconds / 2000);
  expect(await steps()).toEqual(before);
  expect(await wanted()).toEqual([]);
  expect(await system.pods()).toEqual(pods);
}

test("half a list", async () => {
  await writeFile(half, "");
  await waitFor(
    "the copilot",
    system.said,
    (lines) => lines.some((line) => line.includes("Slurm is unknown: scontrol shows 1 nodes, but not")),
    30_000,
  );
  await nothingIsDone(11_000);
  await rm(half);
  await waitFor("the lists", wanted, isBack, 30_000);
});

test("slurmctld down", async () => {
  const { slurm } = system;
  await slurm.killController("SIGTERM");
  await nothingIsDone(12_000);
  await slurm.restartController();
  await waitFor("the lists", wanted, isBack, 30_000);
  expect((await system.said()).filter((line) => line.startsWith("Slurm is unknown: no answer from"))).toHaveLength(1);
});

test("slurmctld hangs while a Pod is evicted: its node is DOWN once it goes on, and no other", async () => {
  const { slurm, worker, evict } = system;
  slurm.signalController("SIGSTOP");
  try {
    await evict(worker("cpu-1"));
    await nothingIsDone(20_000);
  } finally {
    slurm.signalController("SIGCONT");
  }
  await waitFor(
    "the step",
    steps,
    (lines) => lines.some((line) => line.startsWith("set-down away-worker-cpu-1: Evicted")),
    40_000,
  );
  expect(isUp(await slurm.node(worker("cpu-0")))).toBe(true);
  await slurm.waitForNode(
    worker("cpu-1"),
    "to be returned",
    ({ state }) => state.has("IDLE") && state.has("POWERED_DOWN"),
    60_000,
  );
});

test("slurmctld comes back without its state: no Pod is ended and no node DOWN, and the next job runs in a new Pod", async () => {
  const { slurm, worker, pods } = system;
  const node = worker("cpu-0");
  const before = await pods();
  expect(Object.keys(before)).toEqual([node]);
  await slurm.killController("SIGKILL");
  await slurm.wipeState();
  await slurm.restartController();
  const said = await steps();
  await sleep(22_000);
  expect(await pods()).toEqual(before);
  expect((await steps()).slice(said.length).filter((line) => !line.startsWith("resume "))).toEqual([]);
  expect((await slurm.nodes()).filter(({ state }) => state.has("DOWN"))).toEqual([]);
  expect(await slurm.srun("--nodelist", node, "printenv", "SLURMD_NODENAME")).toBe(`${node}\n`);
});
