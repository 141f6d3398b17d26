/** Pods that do not come, or end under a job: Slurm learns why at once, the job goes elsewhere, and the node comes back by itself. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CopilotSystem, startCopilotSystem } from "../support/copilot-system.ts";
import type { SlurmNode } from "../support/slurm-record.ts";
import { call } from "../support/stand-in-api.ts";
import { waitFor } from "../support/wait-for.ts";
import { pullingStatus } from "../support/watched-pods.ts";

/** Seconds. */
const LIMIT = 10;
const BACK_OFF = 20;

let system: CopilotSystem;
beforeAll(async () => {
  system = await startCopilotSystem({
    clusterName: "pods",
    groups: { cpu: 2, big: 3, gpu: 2 },
    heldPods: ["pods-worker-cpu-0"],
    settings: () => ({ backOffSeconds: BACK_OFF, failingPodSeconds: LIMIT }),
  });
});
afterAll(() => system?.stop());

describe.concurrent("a job and its node", () => {
  test("Pod evicted under a job: DOWN as Evicted and requeued within 5 s, and it runs there again after the back-off", async () => {
    const { slurm, worker, evict } = system;
    const node = worker("big-0");
    const job = await slurm.sbatch("#!/bin/sh\nsleep 600\n", "--nodelist", node);
    const isRunning = ({ JobState }: Readonly<Record<string, string>>) => JobState === "RUNNING";
    await slurm.waitForJob(job, "to run", isRunning, 90_000);
    const { Restarts } = await slurm.job(job);
    expect(Restarts).toBe("0");
    await evict(node);
    const evicted = performance.now();
    await slurm.waitForJob(job, "to be requeued", (record) => record.Restarts === "1", 15_000);
    expect(performance.now() - evicted).toBeLessThan(5000);
    expect((await slurm.node(node)).reason).toMatch(
      /^power-agent: Evicted: is up and its Pod has ended: Evicted: The node was low on resource: memory\. \[strike 1 until \S+Z\]$/,
    );
    await slurm.waitForJob(job, "to run again", isRunning, 120_000);
    await slurm.cancel(job);
    expect((await slurm.node(node)).reason).toBe("");
  });

  test("image that cannot be pulled: the job runs in another group, this one is closed, and opens when the image is there", async () => {
    const { slurm, cluster, worker, pods, releasePod, said, writePodStatus } = system;
    const [node, next] = [worker("cpu-0"), worker("cpu-1")];
    const others = ["--exclude", `${worker("big-[0,2]")},${worker("gpu-[0-1]")}`];
    const job = await slurm.sbatch("#!/bin/sh\nprintenv SLURMD_NODENAME\n", ...others);
    await waitFor("the Pod", pods, (found) => node in found, 15_000);
    await writePodStatus(node, pullingStatus);
    const failed = performance.now();
    await slurm.waitForJob(job, "to be requeued", ({ Restarts }) => Restarts === "1", 40_000);
    // What a round and a busy machine add.
    expect(performance.now() - failed).toBeLessThan((LIMIT + 15) * 1000);
    expect((await slurm.node(node)).reason).toMatch(
      /^power-agent: ImagePullBackOff: has a Pod that fails: ErrImagePull: not found \[strike 1 until \S+Z\]$/,
    );
    const isClosed = ({ reason }: SlurmNode) => reason.startsWith("power-agent: CapacityBackOff: ");
    await slurm.waitForNode(next, "to be closed", isClosed, 15_000);
    await slurm.waitForJob(job, "to complete", ({ JobState }) => JobState === "COMPLETED", 90_000);
    expect(await slurm.jobOutput(job)).toBe(`${worker("big-1")}\n`);
    await releasePod(node);
    const isOpen = ({ state }: SlurmNode) => state.has("IDLE") && state.has("POWERED_DOWN");
    for (const name of [node, next]) await slurm.waitForNode(name, "to be returned", isOpen, (BACK_OFF + 40) * 1000);
    expect(await slurm.srun("--nodelist", node, "printenv", "SLURMD_NODENAME")).toBe(`${node}\n`);
    expect((await cluster.groups()).cpu?.podsToBeCreated).toEqual([0]);
    expect((await said(next)).join("\n")).toMatch(/return pods-worker-cpu-1: BackOffOver/);
  });
});

test("quota exceeded: DOWN as QuotaExceeded within the limit, with kube-apiserver's words, and withdrawn", async () => {
  const { slurm, cluster, controlPlane, worker, pods } = system;
  const node = worker("gpu-0");
  const quotas = "/api/v1/namespaces/default/resourcequotas";
  const hard = { pods: "0" };
  await call(controlPlane.request, [201], "POST", quotas, { body: { metadata: { name: "none" }, spec: { hard } } });
  // A controller would do this.
  const status = { hard, used: { pods: String(Object.keys(await pods()).length) } };
  const contentType = "application/merge-patch+json";
  await call(controlPlane.request, [200], "PATCH", `${quotas}/none/status`, { body: { status }, contentType });
  await slurm.scontrol("update", `nodename=${node}`, "state=POWER_UP");
  const seen = await slurm.waitForNode(node, "to be DOWN", ({ state }) => state.has("DOWN"), (LIMIT + 25) * 1000);
  expect(seen.reason).toMatch(
    /^power-agent: QuotaExceeded: is powering up, and its Pod was never made; the operator says: .*exceeded quota: none, .* \[strike 1 until/,
  );
  await waitFor("the lists", cluster.groups, ({ gpu }) => gpu?.podsToBeCreated?.length === 0, 15_000);
  await call(controlPlane.request, [200], "DELETE", `${quotas}/none`);
});
