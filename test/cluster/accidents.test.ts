import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ctr } from "../../scripts/cluster/node-images.ts";
import { untilAllParked } from "../support/agreement.ts";
import { type ChartCluster, patience, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { type HeldJobs, heldJobs, type JobFields } from "../support/held-jobs.ts";
import { accidentConf, type PodDeletions, watchDeletions } from "../support/pod-deletions.ts";
import { waitFor } from "../support/wait-for.ts";
import { untilNoZombies } from "../support/zombies.ts";

const requests = { cpu: "10m", memory: "64Mi" };
const values = {
  workerGroups: [
    { name: "cpu", maxNodes: 4, cpus: 1, memory: "1Gi", requests },
    { name: "big", maxNodes: 4, cpus: 2, memory: "2Gi", requests },
  ],
  slurm: { extraConf: accidentConf },
  powerAgent: { backOffSeconds: 10 },
};

// Each test goes on where the one before ended.
describeHelmCluster(`accidents of workers on a real kubelet (${inject("suite")})`, () => {
  let demo: ChartCluster;
  let jobs: HeldJobs;
  let deletions: PodDeletions;
  /** A job that runs through all accidents of others, and its Pod and container. */
  let bystander: string;
  let bystanderPod: string;
  /** Jobs that each have an accident. */
  let onKilled: string;
  let onDeleted: string;

  beforeAll(async () => {
    demo = await startChartCluster("demo", values);
    jobs = heldJobs(demo);
    deletions = watchDeletions(demo);
  });
  afterAll(() => demo?.cluster.stop());

  const fromPod = (name: string, path: string): Promise<string> =>
    demo.cluster.kubectl(["get", "pod", name, `--output=jsonpath={${path}}`]);
  const containerOf = (name: string): Promise<string> => fromPod(name, ".status.containerStatuses[0].containerID");
  const untilRequeued = (id: string): Promise<JobFields> =>
    waitFor(
      `job ${id} to run again`,
      () => jobs.show(id),
      ({ JobState, Restarts, BatchHost }) => JobState === "RUNNING" && Restarts === "1" && BatchHost !== undefined,
      patience,
    );
  const podOf = async (name: string): Promise<string> => `${await demo.podUid(name)} ${await containerOf(name)}`;
  const expectBystander = async (): Promise<void> => {
    expect(await jobs.show(bystander)).toMatchObject({ JobState: "RUNNING", Restarts: "0" });
    expect(await podOf("demo-worker-big-0")).toBe(bystanderPod);
  };

  test("a job over two groups runs on four workers", async () => {
    const id = await jobs.submitShort("--nodes=4", "--ntasks-per-node=1", "--constraint=[cpu*2&big*2]");
    const { BatchHost = "" } = await jobs.until(id, "COMPLETED");
    const output = await demo.cluster.kubectl(["exec", BatchHost, "--", "cat", `/tmp/slurm-${id}.out`]);
    expect(output.split("\n").filter(Boolean).sort()).toEqual([
      ...["demo-worker-big-0", "demo-worker-big-1", "demo-worker-cpu-0", "demo-worker-cpu-1"],
    ]);
  });

  test("a worker's container is killed: its job runs again, other jobs and Pods stay", async () => {
    const worker = "demo-worker-cpu-0";
    bystander = await jobs.submit("--nodelist=demo-worker-big-0");
    onKilled = await jobs.submit("--requeue", `--nodelist=${worker}`);
    onDeleted = await jobs.submit("--requeue", "--nodelist=demo-worker-cpu-1");
    for (const id of [bystander, onKilled, onDeleted]) await jobs.until(id, "RUNNING");
    bystanderPod = await podOf("demo-worker-big-0");

    const container = (await containerOf(worker)).replace("containerd://", "");
    await ctr(demo.cluster.folder, ["tasks", "kill", "--signal=SIGKILL", container]);

    expect(await untilRequeued(onKilled)).toMatchObject({ NodeList: worker });
    await jobs.release(onKilled);
    await jobs.until(onKilled, "COMPLETED");
    expect(await demo.inHead("cat", "/var/log/slurm-resume.log")).toMatch(
      /set-down demo-worker-cpu-0: ContainerEnded: /,
    );
    expect(await jobs.show(onDeleted)).toMatchObject({ JobState: "RUNNING", Restarts: "0" });
    await expectBystander();
  });

  test("a worker's Pod is deleted by hand: its job runs again in another Pod, other jobs and Pods stay", async () => {
    const worker = "demo-worker-cpu-1";
    const uid = await demo.podUid(worker);

    await demo.cluster.kubectl(["delete", "pod", worker, "--wait=false"]);

    expect(await untilRequeued(onDeleted)).toMatchObject({ NodeList: worker });
    expect(await demo.podUid(worker)).not.toBe(uid);
    await jobs.release(onDeleted);
    await jobs.until(onDeleted, "COMPLETED");
    expect(await demo.inHead("cat", "/var/log/slurm-resume.log")).toMatch(/set-down demo-worker-cpu-1: PodDeleted: /);
    await expectBystander();
  });

  test("the kubelet is away for 30 seconds: a job goes on, and nothing is ended", async () => {
    await demo.cluster.stopKubelet();
    await sleep(30_000);
    expect(await podOf("demo-worker-big-0")).toBe(bystanderPod);
    await demo.cluster.startKubelet();
    // Commands in Pods go through it.
    await waitFor("the kubelet", () => jobs.show(bystander), Boolean, patience);
    await expectBystander();
    // What jobs have left there by now is gone.
    await untilNoZombies(demo.cluster, "demo-worker-big-0", "demo-0");
    await jobs.release(bystander);
    expect(await jobs.until(bystander, "COMPLETED")).toMatchObject({ Restarts: "0" });
  });

  test("after all of it everything is parked, and no Pod was ended that Slurm had not parked before", async () => {
    await untilAllParked(demo);
    expect(await deletions.wrong()).toEqual([]);
  });
});
