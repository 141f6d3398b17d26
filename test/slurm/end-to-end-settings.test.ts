/** Mistakes in power-agent.yaml and logs that cannot be written cost lines in a log, never a node. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { isParked } from "../support/slurm-record.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem } from "../support/whole-system.ts";

let controlPlane: ControlPlane;
let system: WholeSystem;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  const options = { clusterName: "written", groups: { cpu: 4 }, suspendTimeout: 2 };
  system = await startWholeSystem({ controlPlane, installation: inject("installation"), ...options });
});
afterAll(async () => {
  await system?.stop();
  await controlPlane?.stop();
});

/** Runs a job on a node that is off, then parks the node. */
async function wakeAndPark(index: number): Promise<void> {
  const { slurm, cluster, worker } = system;
  const node = worker(`cpu-${index}`);
  expect(await slurm.srun("--nodelist", node, "printenv", "SLURMD_NODENAME")).toBe(`${node}\n`);
  expect((await cluster.groups()).cpu).toMatchObject({ replicas: 1, podsToBeCreated: [index] });
  await slurm.scontrol("update", `nodename=${node}`, "state=POWER_DOWN");
  await waitFor("the request", cluster.groups, ({ cpu }) => cpu?.podsToBeDeleted?.includes(node) === true, 10_000);
  expect((await cluster.groups()).cpu).toMatchObject({ replicas: 0, podsToBeCreated: [] });
  await slurm.waitForNode(node, "to be parked", isParked, 15_000);
}

test("logs in a folder that user slurm cannot enter", async () => {
  const folder = join(system.slurm.folder, "of-root");
  await mkdir(folder, { mode: 0o700 });
  await system.writeSettings({ resumeLog: join(folder, "resume.log"), suspendLog: join(folder, "suspend.log") });
  await wakeAndPark(0);
  expect([...(await readdir(folder)), ...(await system.resumeLog())]).toEqual([]);
});

test("logs on a full disk", async () => {
  await system.writeSettings({ resumeLog: "/dev/full", suspendLog: "/dev/full" });
  await wakeAndPark(1);
});

test("a settings file with mistakes", async () => {
  const file = join(system.slurm.folder, "power-agent.yaml");
  await system.writeSettings({ deadlineSeconds: "soon", allOrNothing: "maybe" }, "resumeLogs: /tmp/x\n");
  await wakeAndPark(2);
  const errors = (await system.resumeLog()).filter(({ level }) => level === "ERROR").map(({ message }) => message);
  expect(errors).toEqual([
    `settings ${file}:8: deadlineSeconds: must be a number of seconds from 1 to 300, not "soon"; the default is used`,
    `settings ${file}:9: allOrNothing: must be true or false, not "maybe"; the default is used`,
    expect.stringMatching(/:10: resumeLogs: unknown key; known are namespace, .*; the default is used$/),
  ]);
  expect((await system.suspendLog()).filter(({ level }) => level === "ERROR")).toHaveLength(3);
});

test("a settings file with a line that is no YAML", async () => {
  await system.writeSettings({}, "allOrNothing: [\n");
  await wakeAndPark(3);
  const log = await system.resumeLog();
  expect(log.at(-1)?.message).toMatch(/^resume finished: 1 recorded, 0 failed/);
  const ofRun = log.filter(({ run }) => run === log.at(-1)?.run);
  const file = join(system.slurm.folder, "power-agent.yaml");
  expect(ofRun.find(({ level }) => level === "ERROR")?.message).toMatch(`settings ${file}:9: not valid YAML: `);
});
