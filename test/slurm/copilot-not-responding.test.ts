/** A slurmd that hangs: Slurm gives its node up, parks it after SuspendTime, and nobody but the copilot would ever return it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CopilotSystem, startCopilotSystem } from "../support/copilot-system.ts";
import { waitFor } from "../support/wait-for.ts";

let system: CopilotSystem;
beforeAll(async () => {
  system = await startCopilotSystem({
    clusterName: "silent",
    groups: { cpu: 1 },
    suspendTime: 20,
    suspendTimeout: 3,
    extraLines: ["SlurmdTimeout=10"],
    // Longer than until it is parked and its Pod gone, which is when it could be returned at the earliest.
    settings: () => ({ backOffSeconds: 60 }),
  });
});
afterAll(() => system?.stop());

test("DOWN as Not responding, parked, without its Pod: returned after the back-off, and its job runs again in a new Pod", async () => {
  const { slurm, worker, pods, said } = system;
  const node = worker("cpu-0");
  const isRunning = ({ JobState }: Readonly<Record<string, string>>) => JobState === "RUNNING";
  const job = await slurm.sbatch("#!/bin/sh\nsleep 600\n");
  await slurm.waitForJob(job, "to run", isRunning, 60_000);
  const { [node]: old } = await pods();
  await promisify(execFile)("pkill", ["-STOP", "--full", `^slurmd .*-N ${node} `]);

  const silent = await slurm.waitForNode(node, "to be given up", ({ state }) => state.has("DOWN"), 60_000);
  expect(silent.reason).toBe("Not responding");
  // Until it is parked its slurmd may answer again.
  expect(await pods()).toEqual({ [node]: old });
  await slurm.waitForNode(node, "to be parked", ({ state }) => state.has("POWERED_DOWN"), 60_000);
  await waitFor("its Pod to go", pods, (left) => Object.keys(left).length === 0, 30_000);
  const parked = await slurm.node(node);
  expect([parked.state.has("DOWN"), parked.reason]).toEqual([true, "Not responding"]);

  const again = await slurm.waitForJob(job, "to run again", isRunning, 120_000);
  expect([again.NodeList, again.Restarts]).toEqual([node, "1"]);
  expect((await said(node)).filter((line) => line.startsWith("return "))).toEqual([
    `return ${node}: BackOffOver: is DOWN as NotResponding and its back-off is over (return-to-service)`,
  ]);
  expect((await pods())[node]).not.toBe(old);
});
