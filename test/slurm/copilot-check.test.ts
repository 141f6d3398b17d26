/** `slurmctld-copilot check` on a real Slurm and a real kube-apiserver: silent where all is well, and complete where it is not. */
import { execFile } from "node:child_process";
import { chmod, chown, copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { checks } from "../../src/copilot/check/checks.ts";
import type { Report } from "../../src/copilot/check/report.ts";
import { applyCopilotRole } from "../support/agent-role.ts";
import { type CopilotProcess, startCopilot } from "../support/copilot-process.ts";
import { claimFreePorts } from "../support/free-ports.ts";
import { startSlurm } from "../support/slurm.ts";
import { findUser } from "../support/slurm-place.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem, type WholeSystemOptions } from "../support/whole-system.ts";

let controlPlane: ControlPlane;
let system: WholeSystem | undefined;
let copilot: CopilotProcess | undefined;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane?.stop());
afterEach(async () => {
  await copilot?.end("SIGKILL");
  await system?.stop();
  copilot = undefined;
  system = undefined;
});

/** A Pod template with limits that slurm.conf's CPUs=1 fits. */
const template = {
  spec: {
    terminationGracePeriodSeconds: 10,
    containers: [{ name: "slurmd", image: "worker", resources: { limits: { cpu: "1", memory: "512Mi" } } }],
  },
};

/** A system as docs/check.md wants it, unless `more` says otherwise. */
async function start(clusterName: string, more: Partial<WholeSystemOptions> = {}): Promise<WholeSystem> {
  const installation = inject("installation");
  const usual = { controlPlane, installation, clusterName, groups: { cpu: 2 }, resumeTimeout: 600, suspendTimeout: 60 };
  system = await startWholeSystem({ ...usual, ...more });
  await applyCopilotRole(controlPlane, { namespace: "default", cluster: clusterName });
  await system.cluster.patch([{ op: "add", path: "/spec/workerGroupSpecs/0/template", value: template }]);
  return system;
}

interface Checked {
  readonly exitCode: number;
  readonly text: string;
}

/** Runs `check` as root, or as user slurm. */
async function check(args: readonly string[] = [], user?: "slurm"): Promise<Checked> {
  const identity = user === undefined ? {} : await findUser(user);
  const env = { SLURM_CONF: system?.slurm.confFile ?? "" };
  const program = join(inject("installation"), "slurmctld-copilot");
  return await new Promise((resolve, reject) => {
    execFile(program, ["check", ...args], { env, cwd: "/", ...identity }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else if (stderr !== "") reject(new Error(`on standard error: ${stderr}`));
      else resolve({ exitCode: Number(error?.code ?? 0), text: stdout });
    });
  });
}

async function checkJson(user?: "slurm"): Promise<{ readonly exitCode: number; readonly report: Report }> {
  const { exitCode, text } = await check(["--json"], user);
  return { exitCode, report: JSON.parse(text) as Report };
}

/** Codes with what they are about, the names of the system's folder and cluster left out. */
function told({ findings }: Report): string[] {
  const { folder = "" } = system?.slurm ?? {};
  return findings.map(
    ({ code, subject }) => `${code} ${subject.replace(folder, "").replace(/\/tmp\/careless-\w+/, "")}`,
  );
}

test("a system that is set up well: no errors and no warnings, for root and for SlurmUser", async () => {
  const { slurm } = await start("healthy");
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  await slurm.srun("true");
  const asRoot = await waitFor("the copilot's first round", checkJson, ({ report }) => report.warnings === 0, 30_000);
  expect(told(asRoot.report)).toEqual(["MemoryBelowPod NodeName=healthy-worker-cpu-[0-1]"]);
  expect(asRoot.report).toMatchObject({ cluster: "default/healthy", errors: 0, notes: 1, unchecked: [] });
  expect(asRoot.report.passed).toHaveLength(checks.length);
  expect(asRoot.exitCode).toBe(0);
  expect(await checkJson("slurm")).toEqual(asRoot);
  const { text } = await check();
  expect(text).toContain("0 errors, 0 warnings, 1 note; 17 checks passed");
  expect(text).not.toContain("\u001b");
});

/** Programs as a careless admin leaves them. */
async function carelessPrograms(): Promise<string> {
  const installation = inject("installation");
  const folder = await mkdtemp(join(tmpdir(), "careless-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  for (const file of ["slurm-resume", "slurm-resume.code"])
    await copyFile(join(installation, file), join(folder, file));
  await chmod(join(folder, "slurm-resume"), 0o775);
  await symlink("/bin/true", join(folder, "slurm-suspend"));
  return folder;
}

test("many mistakes at once: each is found, and slurmctld says the same of the program", async () => {
  const name = "careless";
  const installation = await carelessPrograms();
  const { cluster, slurm, worker, writeSettings } = await start(name, {
    installation,
    groups: { cpu: 2, ghost: 1 },
    otherNodes: ["store"],
    workerGroups: ["cpu", "spare"],
    heldPods: [0, 2, 7].map((index) => `${name}-worker-cpu-${index}`),
    resumeTimeout: 60,
    suspendTimeout: 5,
    suspendTime: 30,
    slurmctldParameters: ["idle_on_node_suspend"],
    extraLines: [
      "ResumeRate=1",
      "ReturnToService=0",
      "JobRequeue=0",
      `NodeName=${name}-worker-cpu-9 NodeAddr=127.0.0.1 Port=1 CPUs=8 RealMemory=64000 State=CLOUD`,
    ],
  });
  await writeSettings({ strikeLimit: 99, failingPodSeconds: 300 }, "wrong: 1\n");
  await chmod(join(slurm.folder, "power-agent.yaml"), 0o666);
  await chmod(join(slurm.folder, "kubeconfig"), 0o644);
  await cluster.patch([
    { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [0, 7] },
    { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: [worker("cpu-0"), worker("cpu-1")] },
    { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 2 },
  ]);
  const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/${name}`;
  const rule = { apiGroups: ["kai.alibabacloud.com"], resources: ["slurmclusters"], verbs: ["get", "list", "watch"] };
  const body = { rules: [{ ...rule, resourceNames: [name] }] };
  await controlPlane.request("PATCH", role, { body, contentType: "application/merge-patch+json" });
  await controlPlane.request("DELETE", `${role}-copilot`);
  const findsRights = ({ report }: { report: Report }) =>
    ["RightMissing", "CopilotRightMissing"].every((code) => report.findings.some((each) => each.code === code));
  const { exitCode, report } = await waitFor("the rights to be gone", checkJson, findsRights, 60_000);
  expect(told(report)).toEqual([
    "SettingsMistake /power-agent.yaml:8 strikeLimit",
    "SettingsMistake /power-agent.yaml:10 wrong",
    "SettingsOpen /power-agent.yaml",
    "RightMissing slurmclusters.kai.alibabacloud.com in namespace default",
    "ProgramOpen ResumeProgram=/slurm-resume",
    "ProgramMissing ResumeFailProgram=/slurm-resume-fail",
    "UnknownGroup NodeName=careless-worker-ghost-0",
    "ForeignNode NodeName=store",
    "CpusAbovePod NodeName=careless-worker-cpu-9",
    "MemoryAbovePod NodeName=careless-worker-cpu-9",
    "KubeconfigOpen /kubeconfig",
    "CopilotRightMissing pods in namespace default",
    "CopilotRightMissing events in namespace default",
    "ProgramForeign SuspendProgram=/slurm-suspend",
    "GroupWithoutNodes worker group spare",
    "ResumeTimeoutShort ResumeTimeout",
    "LimitAboveResumeTimeout failingPodSeconds",
    "SuspendTimeoutShort SuspendTimeout",
    "DeadlineAboveSuspendTimeout deadlineSeconds",
    "RateLow ResumeRate",
    "ReturnToServiceLow ReturnToService",
    "JobsNotRequeued JobRequeue",
    "CopilotNotRunning slurmctld-copilot",
    "InBothLists worker group cpu",
    "ReplicasAboveList worker group cpu",
    "IndexWithoutNode worker group cpu",
    "MemoryBelowPod NodeName=careless-worker-cpu-[0-1]",
    "SuspendTimeShort SuspendTime",
    "DrainForgotten SlurmctldParameters",
  ]);
  expect(exitCode).toBe(1);
  expect(await slurm.controllerLog()).toMatch(/slurm-resume has group or world write permission/);
  const wake = () => slurm.scontrol("update", `nodename=${worker("cpu-1")}`, "state=POWER_UP");
  await expect(wake()).rejects.toThrow();
  // What the finding says is to be done; a slurmctld that has just begun to serve may have to be told twice (seen with 22.05).
  await chmod(join(installation, "slurm-resume"), 0o755);
  const isTaken = async () => {
    await slurm.scontrol("reconfigure");
    await setTimeout(2000);
    return await wake()
      .then(() => true)
      .catch(() => false);
  };
  await waitFor("power saving to be on", isTaken, (taken) => taken, 60_000);
});

test("scripts that lead to our programs, and a program that is broken", async () => {
  const ours = inject("installation");
  const installation = await mkdtemp(join(tmpdir(), "careless-"));
  onTestFinished(() => rm(installation, { recursive: true }));
  await chmod(installation, 0o755);
  await symlink(join(ours, "slurm-resume.sh"), join(installation, "slurm-resume"));
  const script = `#!/bin/sh\n# Not slurm-resume.\nexec ${join(ours, "slurm-suspend")} "$@"\n`;
  await writeFile(join(installation, "slurm-suspend"), script, { mode: 0o755 });
  await copyFile(join(ours, "slurm-resume-fail"), join(installation, "slurm-resume-fail"));
  await start("scripts", { installation });
  const { report } = await checkJson();
  const found = report.findings.filter(({ code }) => code.startsWith("Program"));
  expect(found).toEqual([
    expect.objectContaining({ code: "ProgramFails", cause: expect.stringMatching(/ENOENT.*slurm-resume-fail\.code/) }),
  ]);
});

test("nodes with less than slurm.conf says, as CpusAbovePod and MemoryAbovePod have it: drained as INVALID_REG", async () => {
  const [host] = hostname().split(".");
  const port = await claimFreePorts(2, Math.random);
  const node = (index: number, size: string) =>
    `NodeName=less-worker-cpu-${index} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port + index} ${size} State=CLOUD`;
  const slurm = await startSlurm({
    clusterName: "less",
    groups: { other: 1 },
    programs: { resume: "/bin/true", suspend: "/bin/true" },
    extraLines: [node(0, "CPUs=4096"), node(1, "CPUs=1 RealMemory=900000000")],
  });
  onTestFinished(() => slurm.stop());
  for (const name of ["less-worker-cpu-0", "less-worker-cpu-1"]) {
    const powerUp = () => slurm.scontrol("update", `nodename=${name}`, "state=POWER_UP");
    await waitFor("power saving to be on", powerUp, () => true, 30_000);
    await slurm.waitForNode(name, "to be woken", ({ state }) => state.has("POWERING_UP"), 30_000);
    await slurm.startSlurmd(name);
    await slurm.waitForNode(
      name,
      "to be refused",
      ({ state }) => state.has("INVALID_REG") && state.has("DRAIN"),
      60_000,
    );
  }
  expect(await slurm.scontrol("show", "node", "less-worker-cpu-1")).toContain("< 90.00% of configured");
});

describe("what does not answer", () => {
  test("slurmctld: the rest is checked, and what is not is said", async () => {
    const { slurm } = await start("silent");
    await slurm.killController("SIGTERM");
    const { exitCode, report } = await checkJson();
    expect(told(report)).toEqual(["SlurmctldDown slurmctld", "CopilotNotRunning slurmctld-copilot"]);
    expect(report.passed).toEqual([
      "which cluster and which API",
      "Kubernetes API and SlurmCluster",
      "rights of the service account",
    ]);
    expect(new Set(report.unchecked.map(({ why }) => why))).toEqual(new Set(["slurmctld cannot be asked"]));
    expect(exitCode).toBe(1);
    expect(await checkJson("slurm")).toEqual({ exitCode, report });
  });

  test("the API: at a wrong address, with a wrong CA, with a wrong token", async () => {
    const { slurm, writeSettings } = await start("unreached");
    const usual = await readFile(join(slurm.folder, "kubeconfig"), "utf8");
    const { uid, gid } = await findUser("slurm");
    const other = join(slurm.folder, "other-kubeconfig");
    await writeSettings({ kubeconfig: other });
    const toldWith = async (kubeconfig: string): Promise<string[]> => {
      await writeFile(other, kubeconfig, { mode: 0o600 });
      await chown(other, uid, gid);
      const { exitCode, report } = await checkJson();
      expect(exitCode).toBe(1);
      expect(report.passed).toContain("programs of slurm.conf");
      expect(report.passed).not.toContain("lists of the SlurmCluster");
      return told(report).filter((line) => !line.startsWith("Copilot"));
    };
    const { url } = controlPlane;
    expect(await toldWith(usual.replace(url, "https://127.0.0.1:1"))).toEqual(["ApiUnreachable https://127.0.0.1:1"]);
    expect(await toldWith(usual.replace(/certificate-authority-data: .*/, ""))).toEqual([`ApiUntrusted ${url}`]);
    expect(await toldWith(usual.replace(/token: .*/, "token: nobodys"))).toEqual([`ApiLogin ${url}`]);
  });

  test("nobody knows the cluster: exit 2, and the rest is checked", async () => {
    const { slurm } = await start("nameless");
    await writeFile(join(slurm.folder, "power-agent.yaml"), "namespace: default\n");
    const { exitCode, report } = await checkJson();
    expect(exitCode).toBe(2);
    expect(told(report).slice(0, 2)).toEqual(["NoCluster SlurmCluster", "NoConnection Kubernetes API"]);
    expect(report.passed).toContain("ResumeRate and SuspendRate");
  });
});

test("power saving is off and nodes are hidden: both are told, and nothing is said of nodes that are not seen", async () => {
  await start("hidden", { showPoweredDownNodes: false, extraLines: ["SuspendTime=INFINITE"] });
  const { exitCode, report } = await checkJson();
  expect(told(report)).toEqual([
    "PowerSavingOff slurmctld",
    "HiddenNodes PrivateData",
    "CopilotNotRunning slurmctld-copilot",
  ]);
  expect(report.unchecked.map(({ check }) => check)).toContain("nodes of slurm.conf against the worker groups");
  expect(exitCode).toBe(1);
});

test("two copilots on one host", async () => {
  await start("twice");
  copilot = await startCopilot(inject("installation"), system as WholeSystem);
  const second = await startCopilot(inject("installation"), system as WholeSystem);
  onTestFinished(async () => void (await second.end("SIGKILL")));
  const both = ({ report }: { report: Report }) => told(report).includes("CopilotTwice slurmctld-copilot");
  await waitFor("both to be found", checkJson, both, 30_000);
});

test("an environment that slurmctld does not pass on", async () => {
  const { slurm, writeSettings } = await start("only-here");
  await writeSettings({ kubeconfig: undefined });
  const kubeconfig = join(slurm.folder, "kubeconfig");
  const { exitCode, text } = await check(["--json", "--kubeconfig", kubeconfig]);
  expect(told(JSON.parse(text) as Report)).toContain("ProgramsLost Kubernetes API");
  expect(exitCode).toBe(1);
});
