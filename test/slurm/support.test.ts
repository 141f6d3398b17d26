import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { processesMentioning } from "../support/processes-mentioning.ts";
import { type Slurm, type Slurmd, startSlurm } from "../support/slurm.ts";
import type { SlurmOptions } from "../support/slurm-conf.ts";
import type { SlurmNode } from "../support/slurm-record.ts";
import { startStandIn } from "../support/stand-in.ts";
import { waitFor } from "../support/wait-for.ts";

/** Slurm with two shell scripts as programs, that note their argument in the file that is returned. */
async function startSlurmWithNotes(options: Omit<SlurmOptions, "programs">): Promise<{ slurm: Slurm; notes: string }> {
  const folder = await mkdtemp(join(tmpdir(), "notes-"));
  const notes = join(folder, "notes");
  // slurmctld runs them as user slurm, who must be able to get in and write.
  await writeFile(notes, "");
  await Promise.all([chmod(folder, 0o755), chmod(notes, 0o666)]);
  const programs = { resume: join(folder, "resume"), suspend: join(folder, "suspend") };
  for (const [name, path] of Object.entries(programs)) {
    await writeFile(path, `#!/bin/sh\necho "${name} $1" >> ${notes}\n`, { mode: 0o755 });
  }
  const slurm = await startSlurm({ ...options, programs });
  onTestFinished(async () => {
    await slurm.stop();
    await rm(folder, { recursive: true });
  });
  return { slurm, notes };
}

const isUp = ({ state }: SlurmNode) =>
  !["POWERED_DOWN", "POWERING_UP", "POWERING_DOWN", "NOT_RESPONDING", "DOWN"].some((flag) => state.has(flag));

describe("startSlurm", () => {
  test("a node is woken, runs a job and is parked, and again", async () => {
    const options = { clusterName: "one", groups: { cpu: 2 }, suspendTime: 3, suspendTimeout: 2 };
    const { slurm, notes } = await startSlurmWithNotes(options);
    const name = "one-worker-cpu-1";
    const noted = (line: string, times: number) =>
      waitFor(
        `${line}, ${times} times`,
        () => readFile(notes, "utf8"),
        (text) => text.split("\n").filter((each) => each === line).length === times,
        20_000,
      );
    const bootOnceAsked = async (times: number) => {
      await noted(`resume ${name}`, times);
      expect((await slurm.node(name)).state.has("POWERING_UP")).toBe(true);
      return slurm.startSlurmd(name);
    };
    const parked = async (slurmd: Slurmd, times: number) => {
      await noted(`suspend ${name}`, times);
      await slurmd.stop();
      await slurm.waitForNode(name, "to be parked", ({ state }) => state.has("POWERED_DOWN"), 15_000);
    };
    expect([...(await slurm.node(name)).state].sort()).toEqual(["CLOUD", "IDLE", "POWERED_DOWN"]);

    const job = await slurm.sbatch("#!/bin/sh\nid -un\nsrun printenv SLURMD_NODENAME\n", "--nodelist", name);
    const first = await bootOnceAsked(1);
    await slurm.waitForNode(name, "to register", isUp, 10_000);
    await slurm.waitForJob(job, "to complete", ({ JobState }) => JobState === "COMPLETED", 45_000);
    expect(await slurm.jobOutput(job)).toBe(`nobody\n${name}\n`);
    await parked(first, 1);

    const output = slurm.srun("--nodelist", name, "printenv", "SLURMD_NODENAME");
    const second = await bootOnceAsked(2);
    expect(await output).toBe(`${name}\n`);
    await parked(second, 2);
  });

  test("several run side by side, survive a restart of slurmctld, and leave nothing behind", async () => {
    const [first, second] = await Promise.all([
      startSlurmWithNotes({ clusterName: "left", groups: { cpu: 1 } }),
      startSlurmWithNotes({ clusterName: "right", groups: { cpu: 1 } }),
    ]);
    const running = await first.slurm.startSlurmd("left-worker-cpu-0");
    const job = await first.slurm.sbatch("#!/bin/sh\nsleep 600 &\nsetsid sleep 600\n");
    await first.slurm.waitForJob(job, "to run", ({ JobState }) => JobState === "RUNNING", 45_000);
    await first.slurm.restartController();
    expect((await first.slurm.job(job)).JobState).toBe("RUNNING");
    await first.slurm.killController("SIGKILL");
    await expect(first.slurm.scontrol("ping")).rejects.toThrow();
    await first.slurm.restartController();
    expect(running.isRunning()).toBe(true);
    await first.slurm.stop();
    expect(existsSync(first.slurm.folder)).toBe(false);
    expect(await processesMentioning(first.slurm.folder)).toEqual([]);
    expect((await second.slurm.nodes()).map(({ name }) => name)).toEqual(["right-worker-cpu-0"]);
  });

  test("says why slurmctld does not start", async () => {
    const broken = startSlurm({ clusterName: "broken", groups: { cpu: 1 }, extraLines: ["NoSuchKey=1"] });
    await expect(broken).rejects.toThrow(/slurmctld did not come up:[\s\S]*NoSuchKey/);
  });
});

describe("startStandIn", () => {
  let controlPlane: ControlPlane;
  beforeAll(async () => {
    controlPlane = await startControlPlane();
    await controlPlane.applyCrd();
  });
  afterAll(() => controlPlane?.stop());

  test.each([
    { emptiesLists: false, clusterName: "keeps" },
    { emptiesLists: true, clusterName: "empties" },
  ])("Pods and slurmds follow the lists (emptiesLists: $emptiesLists)", async ({ emptiesLists, clusterName }) => {
    const { slurm } = await startSlurmWithNotes({ clusterName, groups: { cpu: 3 } });
    const clusters = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";
    const metadata = { name: clusterName };
    const workerGroupSpecs = [{ groupName: "cpu", replicas: 0 }];
    const body = { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", metadata, spec: { workerGroupSpecs } };
    expect((await controlPlane.request("POST", clusters, { body })).status).toBe(201);
    const messages: string[] = [];
    const held = `${clusterName}-worker-cpu-2`;
    const standIn = startStandIn({
      controlPlane,
      slurm,
      namespace: "default",
      clusterName,
      emptiesLists,
      heldPods: new Set([held]),
      log: (message) => messages.push(message),
    });
    onTestFinished(() => standIn.stop());
    const write = async (group: object) => {
      const patch = Object.entries(group).map(([field, value]) => ({
        op: "add",
        path: `/spec/workerGroupSpecs/0/${field}`,
        value,
      }));
      const options = { body: patch, contentType: "application/json-patch+json" };
      expect((await controlPlane.request("PATCH", `${clusters}/${clusterName}`, options)).status).toBe(200);
    };
    const cluster = async () => (await controlPlane.request("GET", `${clusters}/${clusterName}`)).body as Cluster;
    const pods = async () => {
      const { body } = await controlPlane.request(
        "GET",
        `/api/v1/namespaces/default/pods?labelSelector=${label}=${clusterName}`,
      );
      return (body as { items: { metadata: { name: string } }[] }).items.map((pod) => pod.metadata.name);
    };
    const name = `${clusterName}-worker-cpu-1`;

    await slurm.scontrol("update", `nodename=${name},${held}`, "state=POWER_UP");
    for (const node of [name, held]) {
      await slurm.waitForNode(node, "to be woken", ({ state }) => state.has("POWERING_UP"), 10_000);
    }
    await write({ podsToBeCreated: [1, 2], replicas: 2 });
    await slurm.waitForNode(name, "to register", isUp, 20_000);
    const created = await waitFor("its status", cluster, ({ status }) => status?.availableWorkerReplicas === 1, 5000);
    expect(created.status).toMatchObject({ availableWorkers: [name], state: "progressing" });
    expect(await pods()).toEqual([name, held]);
    expect((await slurm.node(held)).state.has("POWERING_UP")).toBe(true);
    const lists = ({ spec }: Cluster) => spec.workerGroupSpecs[0]?.podsToBeCreated;
    await waitFor("podsToBeCreated", cluster, (seen) => lists(seen)?.length === (emptiesLists ? 0 : 2), 5000);

    await write({ podsToBeCreated: [], podsToBeDeleted: [name, held], replicas: 0 });
    await waitFor("no Pods", pods, (names) => names.length === 0, 20_000);
    const deleted = await waitFor("its status", cluster, ({ status }) => status?.state === "ready", 5000);
    expect(deleted.status).toMatchObject({ availableWorkers: [], availableWorkerReplicas: 0 });
    expect(await processesMentioning(join(slurm.folder, "slurm.conf"), `slurmd -D -b -N ${name}`)).toEqual([]);
    expect(messages.filter((message) => message.startsWith("failed"))).toEqual([]);
  });
});

const label = "kai.alibabacloud.com/slurm-cluster";

interface Cluster {
  readonly spec: { readonly workerGroupSpecs: readonly { readonly podsToBeCreated?: readonly number[] }[] };
  readonly status?: {
    readonly state: string;
    readonly availableWorkers: readonly string[];
    readonly availableWorkerReplicas: number;
    readonly observedGeneration: number;
  };
}
