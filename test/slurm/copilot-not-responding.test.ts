/** A slurmd that hangs: Slurm gives its node up, parks it after SuspendTime, and nobody but the copilot would ever return it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CopilotSystem, isUp, startCopilotSystem } from "../support/copilot-system.ts";
import { waitFor } from "../support/wait-for.ts";

let system: CopilotSystem;
beforeAll(async () => {
  system = await startCopilotSystem({
    clusterName: "silent",
    groups: { cpu: 1 },
    suspendTime: 20,
    suspendTimeout: 3,
    extraLines: ["SlurmdTimeout=10"],
    settings: () => ({ backOffSeconds: 20 }),
  });
});
afterAll(() => system?.stop());

test("DOWN as Not responding, parked, without its Pod: returned after the back-off, and the next job runs in a new Pod", async () => {
  const { slurm, worker, pods, cluster, said } = system;
  const node = worker("cpu-0");
  await slurm.scontrol("update", `nodename=${node}`, "state=POWER_UP");
  await slurm.waitForNode(node, "to come up", isUp, 60_000);
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

  const returned = await slurm.waitForNode(node, "to be returned", ({ state }) => state.has("IDLE"), 60_000);
  expect([returned.reason, returned.state.has("POWERED_DOWN")]).toEqual(["", true]);
  expect((await said(node)).filter((line) => line.startsWith("return "))).toEqual([
    `return ${node}: BackOffOver: is DOWN as NotResponding and its back-off is over (return-to-service)`,
  ]);
  expect((await cluster.groups()).cpu?.podsToBeCreated).toEqual([]);
  expect(await slurm.srun("printenv", "SLURMD_NODENAME")).toBe(`${node}\n`);
  expect((await pods())[node]).not.toBe(old);
});
