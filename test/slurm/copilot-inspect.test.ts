/** What `slurmctld-copilot status` and `explain` tell of a real Slurm and real Pods, with a copilot that runs and without. */
import { execFile } from "node:child_process";
import { chmod, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { applyCopilotRole } from "../support/agent-role.ts";
import { type CopilotProcess, startCopilot } from "../support/copilot-process.ts";
import { findUser } from "../support/slurm-place.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem } from "../support/whole-system.ts";

const name = "looked-at";
const stuck = `${name}-worker-cpu-1`;
const crowded = `${name}-worker-gpu-0`;

let controlPlane: ControlPlane;
let system: WholeSystem;
let copilot: CopilotProcess | undefined;

/** How a run of the copilot's command line ended. */
interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...args: string[]): Promise<Ran> {
  return runAs({}, ...args);
}

async function runAs(user: { readonly uid?: number; readonly gid?: number }, ...args: string[]): Promise<Ran> {
  const program = join(inject("installation"), "slurmctld-copilot");
  const env = { SLURM_CONF: system.slurm.confFile, PATH: "/usr/bin:/bin" };
  try {
    return { exitCode: 0, ...(await promisify(execFile)(program, args, { ...user, env, timeout: 60_000 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout: string; stderr: string };
    if (typeof code !== "number") throw error;
    return { exitCode: code, stdout, stderr };
  }
}

/** The row of the table that begins with these nodes. */
function row({ stdout }: Ran, nodes: string): string {
  return stdout.split("\n").find((line) => line.startsWith(`${nodes} `)) ?? "";
}

async function setPodStatus(pod: string, status: object): Promise<void> {
  const path = `/api/v1/namespaces/default/pods/${pod}/status`;
  const contentType = "application/merge-patch+json";
  const { status: code, body } = await controlPlane.request("PATCH", path, { body: { status }, contentType });
  expect(code, JSON.stringify(body)).toBe(200);
}

/** One node up with a job, one drained, one whose Pod cannot pull its image, one whose Pod has had no place for two hours. */
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  system = await startWholeSystem({
    controlPlane,
    installation: inject("installation"),
    clusterName: name,
    groups: { cpu: 4, gpu: 3 },
    partitions: { cpu: `${name}-worker-cpu-[0-3]`, gpu: `${name}-worker-gpu-[0-2]` },
    heldPods: [stuck, crowded],
    resumeTimeout: 900,
  });
  await system.writeSettings({ failingPodSeconds: 3600, backOffSeconds: 900 }, "colour: blue\n");
  await applyCopilotRole(controlPlane, { namespace: "default", cluster: name });
  const { slurm, worker, pods } = system;
  copilot = await startCopilot(inject("installation"), system);
  const job = await slurm.sbatch("#!/bin/sh\nsleep 600\n", "--nodelist", worker("cpu-0"));
  await slurm.srun("--nodelist", worker("cpu-2"), "true");
  await slurm.scontrol("update", `nodename=${worker("cpu-2")}`, "state=DRAIN", "reason=disk is full");
  await slurm.sbatch("#!/bin/sh\ntrue\n", "--nodelist", stuck);
  await slurm.sbatch("#!/bin/sh\ntrue\n", "--partition", "gpu", "--nodelist", crowded);
  await waitFor("the Pods", pods, (found) => stuck in found && crowded in found, 60_000);
  const waiting = { reason: "ImagePullBackOff", message: 'Back-off pulling image "slurm-worker:2"' };
  const container = { name: "slurmd", image: "slurm-worker:2", imageID: "", ready: false, restartCount: 0 };
  await setPodStatus(stuck, {
    phase: "Pending",
    conditions: [{ type: "ContainersReady", status: "False", lastTransitionTime: new Date().toISOString() }],
    containerStatuses: [{ ...container, state: { waiting } }],
  });
  const unschedulable = { reason: "Unschedulable", message: "0/3 nodes are available: 3 Insufficient gpu." };
  const lastTransitionTime = new Date(Date.now() - 7_200_000).toISOString();
  await setPodStatus(crowded, {
    conditions: [{ type: "PodScheduled", status: "False", lastTransitionTime, ...unschedulable }],
  });
  await slurm.waitForNode(crowded, "to be DOWN", ({ state }) => state.has("DOWN"), 60_000);
  for (const other of ["gpu-1", "gpu-2"]) {
    await slurm.waitForNode(worker(other), "to be closed", ({ state }) => state.has("DOWN"), 60_000);
  }
  await slurm.waitForNode(crowded, "to be powered down", ({ state }) => state.has("POWERED_DOWN"), 60_000);
  await slurm.waitForJob(job, "to run", ({ JobState }) => JobState === "RUNNING", 90_000);
  await waitFor("the Pod of the failed node to go", pods, (found) => !(crowded in found), 60_000);
  const seen = ({ stdout }: Ran): boolean => /3 down~.*3 Pods; 3 in podsToBeCreated \(/.test(stdout);
  await waitFor("the copilot to have seen all this", () => run("status"), seen, 60_000);
}, 300_000);
afterAll(async () => {
  await copilot?.end("SIGKILL");
  await system?.stop();
  await controlPlane?.stop();
});

describe("beside a copilot that runs", () => {
  test("status: a row for each node that is not plainly parked or running, folded where equal, the urgent first", async () => {
    const ran = await run("status");
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    const [first, settings, empty] = ran.stdout.split("\n");
    expect(first).toMatch(/^default\/looked-at: slurmctld-copilot runs, last look \d+s ago$/);
    expect(settings).toMatch(
      /^ {2}settings \S+\/power-agent.yaml:\d+: colour: unknown key; known are .*; the default is used$/,
    );
    expect(empty).toBe("");
    expect(row(ran, stuck)).toMatch(
      / alloc# +yes +ImagePullBackOff +\w+ +- +DOWN and withdrawn in [1-5]\dm: ImagePullBackOff \(failing-pod\) +Back-off pulling image "slurm-worker:2"$/,
    );
    expect(row(ran, crowded)).toMatch(
      / down~ +- +- +- +1 +returned in \w+ \(return-to-service\) +Unschedulable: has a Pod that fails: .*3 Insufficient gpu\.$/,
    );
    expect(row(ran, `${name}-worker-gpu-[1-2]`)).toMatch(
      / down~ +- +- +- +- +returned in \w+ \(return-to-service\) +CapacityBackOff: is closed as Pods of group gpu fail: Unschedulable$/,
    );
    expect(row(ran, `${name}-worker-cpu-2`)).toMatch(
      / drain +yes +Running +\w+ +- +left alone: DRAIN +disk is full \(root\)$/,
    );
    expect(ran.stdout).not.toMatch(/worker-cpu-[03] /);
    expect(ran.stdout).toMatch(
      /\n7 nodes: 3 down~, 1 alloc, 1 alloc#, 1 drain, 1 idle~; 3 Pods; 3 in podsToBeCreated \(--all shows every node\)\n$/,
    );
  });

  test("the states of all nodes are in sinfo's own words", async () => {
    const { stdout } = await run("status", "--all", "--json");
    const { workers } = JSON.parse(stdout) as { workers: { name: string; slurm: { state: string } }[] };
    const lines = (await system.slurm.sinfo("--noheader", "--Node", "--format=%N %t")).trim().split("\n");
    const said = new Map(lines.map((line) => line.trim().split(" ") as [string, string]));
    expect(new Map(workers.map((worker) => [worker.name, worker.slurm.state]))).toEqual(said);
    expect(said.size).toBe(7);
  });

  test("explain: state, lists, Pod, what happened, what comes next and what can be done", async () => {
    const event = {
      metadata: { name: "pulling", namespace: "default" },
      involvedObject: { kind: "Pod", name: stuck, namespace: "default" },
      ...{ type: "Warning", reason: "Failed", message: "pull access denied", count: 3 },
      lastTimestamp: new Date().toISOString(),
    };
    await controlPlane.request("POST", "/api/v1/namespaces/default/events", { body: event });
    const { stdout, exitCode, stderr } = await run("explain", stuck);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(
      /\n {2}Slurm {4}It is alloc# \(ALLOCATED\+\S*POWERING_UP\) in cpu\. Jobs are allocated to it\.\n/,
    );
    expect(stdout).toMatch(/\n {2}Lists {4}podsToBeCreated names it; the operator's status does not list it\.\n/);
    expect(stdout).toMatch(/\n {2}Pod {6}ImagePullBackOff, made \w+ ago, on Kubernetes node stand-in\.\n/);
    expect(stdout).toMatch(/\n {11}slurmd: waiting \(ImagePullBackOff: Back-off pulling image "slurm-worker:2"\)\n/);
    expect(stdout).toMatch(/\n {2}History {2}\S+Z log: resume called, args \[.*\]\n/);
    expect(stdout).toMatch(/Z log: job \d+ waits for looked-at-worker-cpu-1\n/);
    expect(stdout).toMatch(/Z log: resume finished: \d recorded, 0 failed, /);
    expect(stdout).toMatch(/Z Pod: Failed: pull access denied \(3 times\)\n/);
    expect(stdout).toMatch(/\n {2}Next {5}DOWN and withdrawn in [1-5]\dm\.\n/);
    expect(stdout).toMatch(/\n {2}You can {2}mend the cause \(ImagePullBackOff: an image cannot be pulled\): /);
  });

  test("explain: a hostlist, each node with what was decided about it", async () => {
    const { stdout, exitCode } = await run("explain", `${name}-worker-gpu-[0-1]`, "--json");
    expect(exitCode).toBe(0);
    const { nodes } = JSON.parse(stdout) as { nodes: { name: string; history: { text: string }[] }[] };
    expect(nodes.map((node) => node.name)).toEqual([crowded, `${name}-worker-gpu-1`]);
    const [failed, closed] = nodes.map(({ history }) =>
      history.map(({ text }) => text.split(" ").slice(0, 3).join(" ")),
    );
    expect(failed).toEqual(
      expect.arrayContaining([`set-down ${crowded}: Unschedulable:`, `suspend ${crowded}: Unschedulable:`]),
    );
    expect(closed).toContain(`set-down ${name}-worker-gpu-1: CapacityBackOff:`);
  });

  test("a node that is not known is an error that says what names look like", async () => {
    const ran = await run("explain", `other-worker-cpu-0,${name}-worker-cpu-9`);
    expect(ran).toMatchObject({ exitCode: 1, stdout: "" });
    expect(ran.stderr).toBe(
      `slurmctld-copilot explain: other-worker-cpu-0: not of cluster ${name}; nodes are named ${name}-worker-<group>-<index>, with a group of cpu, gpu\n` +
        `slurmctld-copilot explain: ${name}-worker-cpu-9: neither in Slurm nor in the lists of the SlurmCluster, and there is no such Pod\n`,
    );
  });

  test.each([
    [["status", "--nonsense"], /unknown option '--nonsense'/],
    [["status", "more"], /too many arguments/],
    [["explain"], /missing required argument 'nodes'/],
    [["explain", "demo-[0-"], /"demo-\[0-" is no hostlist: .* at character \d+\n/],
    [["status", "--kubeconfig", "/nowhere"], /\/nowhere/],
  ])("%j is wrong usage", async (args, message) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  test("a user who may not ask the copilot is told so, and shown what that user may read", async () => {
    const kubeconfig = join(system.slurm.folder, "kubeconfig-of-nobody");
    await copyFile(join(system.slurm.folder, "kubeconfig"), kubeconfig);
    await chmod(kubeconfig, 0o644);
    const ran = await runAs(await findUser("nobody"), "status", "--kubeconfig", kubeconfig);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toMatch(
      /^default\/looked-at: slurmctld-copilot does not answer: this user may not ask the copilot on \S+; root and SlurmUser may\n/,
    );
    expect(row(ran, stuck)).toMatch(/ alloc# +yes +ImagePullBackOff /);
  });

  test("asked about another cluster it does not tell of this one", async () => {
    const ran = await run("status", "--cluster", "elsewhere");
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toMatch(
      /^default\/elsewhere: slurmctld-copilot does not run: the one on \S+ is that of looked-at\n/,
    );
    expect(ran.stdout).toMatch(/\n {2}unknown: the SlurmCluster cannot be read: /);
  });
});

test("without a copilot: all is read here, and times count from now", async () => {
  await copilot?.end("SIGTERM");
  copilot = undefined;
  const ran = await run("status");
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  expect(ran.stdout).toMatch(
    /^default\/looked-at: slurmctld-copilot does not run: nobody listens on \S+\n {2}Shown is what was read just now\. NEXT is what it would do if it ran; times count from now\.\n/,
  );
  expect(row(ran, stuck)).toMatch(/ alloc# +yes +ImagePullBackOff .* DOWN and withdrawn in /);
  expect(row(ran, crowded)).toMatch(/ down~ +- +- +- +1 +returned in /);
});

test("what takes long is said on standard error", async () => {
  const scontrol = join(system.slurm.folder, "slow-scontrol");
  await writeFile(scontrol, '#!/bin/sh\n[ "$1" = ping ] && sleep 3\nexec scontrol "$@"\n', { mode: 0o755 });
  await system.writeSettings({ scontrol });
  const ran = await run("status");
  await system.writeSettings({ failingPodSeconds: 3600, backOffSeconds: 900 }, "colour: blue\n");
  expect(ran).toMatchObject({ exitCode: 0, stderr: "reading Slurm and the Kubernetes API …\n" });
});

test("without the right to read Pods and Events: one line for each, and the rest", async () => {
  const binding = `/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/${name}-copilot`;
  await controlPlane.request("DELETE", binding);
  const ran = await waitFor(
    "the right to be gone",
    () => run("status"),
    ({ exitCode }) => exitCode === 1,
    30_000,
  );
  expect(ran.stdout).toMatch(/\n {2}unknown: its Pods cannot be listed: .* 403 pods is forbidden: /);
  expect(row(ran, stuck)).toMatch(/ alloc# +yes +\? +- +- +\? +-$/);
  const { exitCode, stdout } = await run("explain", stuck);
  expect(exitCode).toBe(1);
  expect(stdout.match(/\n {2}Events cannot be read: .* 403 /g)).toHaveLength(1);
  expect(stdout.match(/\n {2}Pods cannot be read: .* 403 /g)).toHaveLength(1);
  expect(stdout).toMatch(/\n {2}Pod {6}Pods could not be listed\.\n/);
  expect(stdout).toMatch(/\n {2}Next {5}Nobody can tell: not everything could be read\.\n/);
  await applyCopilotRole(controlPlane, { namespace: "default", cluster: name });
});

test("without slurmctld: a copilot that runs shows what it saw before", async () => {
  await waitFor(
    "the right to be back",
    () => run("status"),
    ({ exitCode }) => exitCode === 0,
    30_000,
  );
  copilot = await startCopilot(inject("installation"), system);
  const runs = ({ stdout }: Ran): boolean => stdout.includes("slurmctld-copilot runs");
  await waitFor("the copilot", () => run("status"), runs, 60_000);
  await system.slurm.killController("SIGTERM");
  // A round that was under way says something else first.
  const idle = ({ stdout }: Ran): boolean => stdout.includes("does nothing: Slurm is unknown: no answer from ");
  const ran = await waitFor("the copilot to notice", () => run("status"), idle, 60_000);
  expect(ran.exitCode).toBe(1);
  expect(ran.stdout).toMatch(
    /^default\/looked-at: slurmctld-copilot does nothing: Slurm is unknown: no answer from \S+\n {2}Shown is what it saw \w+ ago; until it can read everything again it does nothing\.\n/,
  );
  expect(row(ran, stuck)).toMatch(/ alloc# +yes +ImagePullBackOff +\w+ +- +\? /);
});
