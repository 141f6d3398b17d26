/** Nodes that cannot come: Slurm hears of it at once, its jobs are requeued, and requests that came to nothing are withdrawn. */
import { afterAll, beforeAll, describe, expect, inject, type TestContext, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { applyAgentRole } from "../support/agent-role.ts";
import { isParked, type SlurmNode, type SlurmRecord } from "../support/slurm-record.ts";
import { waitFor } from "../support/wait-for.ts";
import { type LogLine, startWholeSystem, type WholeSystem, type WholeSystemOptions } from "../support/whole-system.ts";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane?.stop());

type Options = Pick<WholeSystemOptions, "clusterName" | "groups" | "workerGroups" | "resumeTimeout" | "heldPods">;

/** ResumeTimeout is 600 seconds unless said otherwise, so what happens within a test is not its doing. */
async function start({ onTestFinished }: TestContext, options: Options): Promise<WholeSystem> {
  const installation = inject("installation");
  const system = await startWholeSystem({
    controlPlane,
    installation,
    resumeTimeout: 600,
    suspendTimeout: 2,
    ...options,
  });
  onTestFinished(() => system.stop());
  return system;
}

const script = "#!/bin/sh\nprintenv SLURMD_NODENAME\n";
const isRequeued = ({ JobState, Restarts }: SlurmRecord) => JobState === "PENDING" && Restarts === "1";
const isDown = ({ state }: SlurmNode) => state.has("DOWN");
/** Whether the last line is the last one of a run. */
const hasEnded = (verb: string) => (log: readonly LogLine[]) =>
  log.at(-1)?.message.startsWith(`${verb} finished: `) === true;

describe.concurrent("nodes that cannot come", () => {
  test("of a group that does not exist: DOWN with the reason, the job requeued, the good node of the call recorded", async (context) => {
    // Held until the job is requeued: while one of its nodes comes up Slurm may keep a requeued job COMPLETING for a while.
    const heldPods = ["stray-worker-cpu-0"];
    const options = { clusterName: "stray", groups: { cpu: 1, gpu: 1 }, workerGroups: ["cpu"], heldPods };
    const { slurm, cluster, worker, resumeLog, releasePod } = await start(context, options);
    const [good, bad] = [worker("cpu-0"), worker("gpu-0")];

    const job = await slurm.sbatch(script, "--nodes", "2", "--nodelist", `${good},${bad}`);
    const down = await slurm.waitForNode(bad, "to be DOWN", isDown, 15_000);
    expect(down.reason).toBe(
      "power-agent: UnknownGroup: names worker group gpu, which SlurmCluster stray does not have (it has cpu)",
    );
    expect(await slurm.sinfo("-R", "--noheader", "--format=%E|%N")).toContain(`${down.reason}|${bad}`);
    await slurm.waitForJob(job, "to be requeued", isRequeued, 5000);
    expect((await cluster.groups()).cpu).toEqual({ groupName: "cpu", replicas: 1, podsToBeCreated: [0] });
    const log = (await waitFor("the end of the run", resumeLog, hasEnded("resume"), 5000)).map(
      ({ message }) => message,
    );
    expect(log[1]).toMatch(/^resume called, args \[.*cpu-0,.*gpu-0\]$/);
    expect(log.at(-1)).toMatch(/^resume finished: 1 recorded, 1 failed, \d+ ms, exit 1$/);

    await releasePod(good);
    expect(await slurm.srun("--nodelist", good, "printenv", "SLURMD_NODENAME")).toBe(`${good}\n`);
  });

  test("within ResumeTimeout: slurm-resume-fail withdraws the request", async (context) => {
    const heldPods = ["late-worker-cpu-1"];
    const options = { clusterName: "late", groups: { cpu: 2 }, resumeTimeout: 10, heldPods };
    const { slurm, cluster, worker, pods, resumeLog } = await start(context, options);
    const [good, late] = [worker("cpu-0"), worker("cpu-1")];
    const running = slurm.srun("--nodelist", good, "sleep", "1");
    const job = await slurm.sbatch(script, "--nodelist", late);
    await waitFor("both Pods", pods, (found) => late in found && good in found, 10_000);
    expect((await cluster.groups()).cpu).toEqual({ groupName: "cpu", replicas: 2, podsToBeCreated: [0, 1] });
    await running;

    const withdrawn = await waitFor("withdrawal", cluster.groups, ({ cpu }) => cpu?.replicas === 1, 30_000);
    expect(withdrawn.cpu).toEqual({ groupName: "cpu", replicas: 1, podsToBeCreated: [0], podsToBeDeleted: [late] });
    const down = await slurm.node(late);
    expect(down.reason).toBe("ResumeTimeout reached");
    await waitFor("the late Pod to go", pods, (found) => !(late in found), 10_000);
    expect(Object.keys(await pods())).toEqual([good]);
    await slurm.waitForJob(job, "to be requeued", isRequeued, 5000);
    const log = await waitFor("the end of the run", resumeLog, hasEnded("resume-fail"), 5000);
    const called = log.find(({ message }) => message === `resume-fail called, args [${late}]`);
    const ofRun = log.filter(({ run }) => run === called?.run).map(({ message }) => message);
    expect(ofRun).toContain(`node ${late} did not register within ResumeTimeout; job ${job} waited for it`);
    expect(ofRun).toContain("suspend node -cpu-1 end");
  });

  test("all or nothing: a job that cannot get all of its nodes gets none, and the others are free again", async (context) => {
    const options = { clusterName: "whole", groups: { cpu: 2, gpu: 1 }, workerGroups: ["cpu"] };
    const { slurm, cluster, worker, pods, writeSettings } = await start(context, options);
    await writeSettings({ allOrNothing: true });
    const good = [worker("cpu-0"), worker("cpu-1")];
    const bad = worker("gpu-0");

    const job = await slurm.sbatch(script, "--nodes", "3", "--nodelist", [...good, bad].join());
    const down = await slurm.waitForNode(bad, "to be DOWN", isDown, 15_000);
    expect(down.reason).toMatch(/^power-agent: UnknownGroup: /);
    await slurm.waitForJob(job, "to be requeued", isRequeued, 5000);
    for (const node of good) await slurm.waitForNode(node, "to be parked", isParked, 15_000);
    expect((await cluster.groups()).cpu).toEqual({ groupName: "cpu", replicas: 0, podsToBeDeleted: good });
    expect(await pods()).toEqual({});

    const output = await slurm.srun("--nodes", "2", "--nodelist", good.join(), "printenv", "SLURMD_NODENAME");
    expect(output.trim().split("\n").sort()).toEqual(good);
  });

  test("as the right is missing: DOWN with the reason, and back in service once it is granted", async (context) => {
    const { slurm, cluster, worker } = await start(context, { clusterName: "barred", groups: { cpu: 1 } });
    const node = worker("cpu-0");
    const binding = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/barred";
    expect((await controlPlane.request("DELETE", binding)).status).toBe(200);

    const job = await slurm.sbatch(script);
    const down = await slurm.waitForNode(node, "to be DOWN", isDown, 15_000);
    expect(down.reason).toMatch(/^power-agent: Forbidden: GET .*slurmclusters\/barred: 403 /);
    await slurm.waitForJob(job, "to be requeued", isRequeued, 5000);
    expect(await cluster.groups()).toEqual({ cpu: { groupName: "cpu", replicas: 0 } });

    await applyAgentRole(controlPlane, { namespace: "default", cluster: "barred" });
    // RESUME alone would leave it POWERING_UP until ResumeTimeout: Slurm runs slurm-resume for nodes that are off only.
    await slurm.scontrol("update", `nodename=${node}`, "state=POWER_DOWN");
    await slurm.waitForNode(node, "to be off", ({ state }) => state.has("POWERED_DOWN"), 15_000);
    await slurm.scontrol("update", `nodename=${node}`, "state=RESUME");
    await slurm.waitForJob(job, "to complete", ({ JobState }) => JobState === "COMPLETED", 75_000);
    expect(await slurm.jobOutput(job)).toBe(`${node}\n`);
  });
});
