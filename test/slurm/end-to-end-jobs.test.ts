/** Jobs from submission to the parking of their nodes: slurmctld itself runs our programs. */
import { afterAll, beforeAll, describe, expect, inject, type TestContext, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { isParked } from "../support/slurm-record.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem, type WholeSystemOptions } from "../support/whole-system.ts";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane?.stop());

/** Nodes are parked after three idle seconds unless `suspendTime` says otherwise. */
async function start(
  { onTestFinished }: TestContext,
  options: Pick<WholeSystemOptions, "clusterName" | "groups" | "partitions" | "emptiesLists" | "suspendTime">,
): Promise<WholeSystem> {
  const installation = inject("installation");
  const system = await startWholeSystem({ controlPlane, installation, suspendTime: 3, suspendTimeout: 3, ...options });
  onTestFinished(() => system.stop());
  return system;
}

/** Resolves when no Pod is left and all nodes are idle and powered down; the stand-in had no trouble on the way. */
async function allParked({ slurm, pods, notes }: WholeSystem): Promise<void> {
  await waitFor("no Pods", pods, (left) => Object.keys(left).length === 0, 30_000);
  await waitFor("all nodes parked", slurm.nodes, (nodes) => nodes.length > 0 && nodes.every(isParked), 20_000);
  expect(notes.filter((note) => note.startsWith("failed"))).toEqual([]);
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

describe.concurrent("jobs", () => {
  test("the documented job: one worker is woken, runs it, and is parked again", async (context) => {
    const system = await start(context, { clusterName: "slurm-demo", groups: { cpu: 4 } });
    const { slurm, cluster, pods, resumeLog, suspendLog } = system;
    expect((await slurm.nodes()).filter(isParked)).toHaveLength(4);
    const node = "slurm-demo-worker-cpu-0";

    const job = await slurm.sbatch("#!/bin/sh\nsrun hostname\nsrun printenv SLURMD_NODENAME\n");
    const woken = await waitFor("its Pod", pods, (found) => Object.keys(found).length > 0, 15_000);
    expect(Object.keys(woken)).toEqual([node]);
    expect(await cluster.groups()).toEqual({ cpu: { groupName: "cpu", replicas: 1, podsToBeCreated: [0] } });
    const done = await slurm.waitForJob(job, "to complete", ({ JobState }) => JobState === "COMPLETED", 60_000);
    expect(done.NodeList).toBe(node);
    expect((await slurm.jobOutput(job)).split("\n")[1]).toBe(node);
    expect(
      (await resumeLog()).map(({ message }) => message).filter((line) => !/^job \d+ waits for/.test(line)),
    ).toEqual([
      "namespace: default cluster: slurm-demo",
      `resume called, args [${node}]`,
      "slurm cluster metadata: default slurm-demo",
      "get SlurmCluster CR slurm-demo succeed",
      `hostlists: [${node}]`,
      `resume node ${node}`,
      "resume worker -cpu-0",
      "resume node -cpu-0 end",
      expect.stringMatching(/^slurmctld-copilot does not run /),
      expect.stringMatching(/^resume finished: 1 recorded, 0 failed, \d+ ms, exit 0$/),
    ]);

    await allParked(system);
    expect(await cluster.groups()).toEqual({
      cpu: { groupName: "cpu", replicas: 0, podsToBeCreated: [], podsToBeDeleted: [node] },
    });
    expect((await suspendLog()).map(({ message }) => message)).toContain("suspend node -cpu-0 end");
  });

  test("a job of three nodes: one call wakes them all", async (context) => {
    const system = await start(context, { clusterName: "wide", groups: { cpu: 4 } });
    const { slurm, cluster, worker, resumeLog } = system;
    const running = slurm.srun("--nodes", "3", "sh", "-c", "printenv SLURMD_NODENAME; sleep 1");
    await waitFor("the request", cluster.groups, ({ cpu }) => cpu?.podsToBeCreated?.length === 3, 15_000);
    expect((await cluster.groups()).cpu).toEqual({ groupName: "cpu", replicas: 3, podsToBeCreated: [0, 1, 2] });
    expect((await running).trim().split("\n").sort()).toEqual(range(3).map((index) => worker(`cpu-${index}`)));
    const called = (await resumeLog()).filter(({ message }) => message.startsWith("resume called"));
    expect(called.map(({ message }) => message)).toEqual([`resume called, args [${worker("cpu-[0-2]")}]`]);

    await allParked(system);
    expect((await cluster.groups()).cpu).toMatchObject({ replicas: 0, podsToBeCreated: [] });
  });

  test("two partitions on two groups: each job moves its own group's lists only", async (context) => {
    const system = await start(context, {
      clusterName: "pair",
      groups: { cpu: 2, "cpu-2": 2 },
      partitions: { small: "pair-worker-cpu-[0-1]", large: "pair-worker-cpu-2-[0-1]" },
    });
    const { slurm, cluster, worker } = system;
    /** Resolves to the groups as they are once the node is asked for, after the job ended on it. */
    const groupsDuringJob = async (partition: string, group: string, index: number) => {
      const node = worker(`${group}-${index}`);
      const running = slurm.srun("--partition", partition, "--nodelist", node, "printenv", "SLURMD_NODENAME");
      const asked = (groups: Awaited<ReturnType<typeof cluster.groups>>) =>
        groups[group]?.podsToBeCreated?.includes(index) === true;
      const groups = await waitFor(`${node} to be asked for`, cluster.groups, asked, 15_000);
      expect(await running).toBe(`${node}\n`);
      return groups;
    };

    const untouched = { groupName: "cpu", replicas: 0 };
    expect(await groupsDuringJob("large", "cpu-2", 1)).toEqual({
      cpu: untouched,
      "cpu-2": { groupName: "cpu-2", replicas: 1, podsToBeCreated: [1] },
    });
    await allParked(system);
    const parked = { groupName: "cpu-2", replicas: 0, podsToBeCreated: [], podsToBeDeleted: [worker("cpu-2-1")] };
    expect(await cluster.groups()).toEqual({ cpu: untouched, "cpu-2": parked });

    expect(await groupsDuringJob("small", "cpu", 0)).toEqual({
      cpu: { groupName: "cpu", replicas: 1, podsToBeCreated: [0] },
      "cpu-2": parked,
    });
  });

  test("with an operator that empties the lists once it has acted", async (context) => {
    const system = await start(context, { clusterName: "emptied", groups: { cpu: 3 }, emptiesLists: true });
    const { slurm, cluster, worker, pods } = system;
    const nodes = [worker("cpu-0"), worker("cpu-2")];
    const running = slurm.srun(
      "--nodes",
      "2",
      "--nodelist",
      nodes.join(),
      "sh",
      "-c",
      "printenv SLURMD_NODENAME; sleep 1",
    );
    await waitFor("two Pods", pods, (found) => Object.keys(found).length === 2, 15_000);
    expect(Object.keys(await pods())).toEqual(nodes);
    expect((await cluster.groups()).cpu?.replicas).toBe(2);
    expect((await running).trim().split("\n").sort()).toEqual(nodes);

    await allParked(system);
    const emptied = (groups: Awaited<ReturnType<typeof cluster.groups>>) => groups.cpu?.podsToBeDeleted?.length === 0;
    const groups = await waitFor("emptied lists", cluster.groups, emptied, 10_000);
    expect(groups.cpu).toEqual({ groupName: "cpu", replicas: 0, podsToBeCreated: [], podsToBeDeleted: [] });
  });

  test("parked while its slurmd runs, and woken for the next job: a fresh Pod", async (context) => {
    const system = await start(context, { clusterName: "again", groups: { cpu: 1 }, suspendTime: 3600 });
    const { slurm, worker, pods, cluster } = system;
    const node = worker("cpu-0");
    const park = async () => {
      await slurm.scontrol("update", `nodename=${node}`, "state=POWER_DOWN");
      await slurm.waitForNode(node, "to be parked", ({ state }) => state.has("POWERING_DOWN"), 10_000);
    };
    expect(await slurm.srun("printenv", "SLURMD_NODENAME")).toBe(`${node}\n`);
    const first = await pods();
    expect(Object.keys(first)).toEqual([node]);

    await park();
    // Submitted while the node is on its way down, so it is allocated and woken as soon as Slurm takes it for off.
    expect(await slurm.srun("printenv", "SLURMD_NODENAME")).toBe(`${node}\n`);
    const second = await pods();
    expect(Object.keys(second)).toEqual([node]);
    expect(second[node]).not.toBe(first[node]);

    await park();
    await allParked(system);
    expect((await cluster.groups()).cpu).toMatchObject({ replicas: 0, podsToBeCreated: [], podsToBeDeleted: [node] });
  });
});
