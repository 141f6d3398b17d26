import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { findConnection } from "../../src/kubernetes/connection.ts";
import { podFiles } from "../../src/kubernetes/in-cluster.ts";
import { createApi } from "../../src/kubernetes/request.ts";
import { slurmClusterPath } from "../../src/kubernetes/slurm-cluster.ts";
import { createClusterFixture } from "../support/cluster-fixture.ts";
import { fixture as recorded } from "../support/slurm-fixture.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane.stop());

/** How {@link start} runs a program. */
interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** More keys of the settings file. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** As a person does, who sees all output at one place: it is in `stdout`. */
  readonly atTerminal?: boolean;
}

/** Starts a program from a shell of an admin outside the cluster; `output` gives what it has printed so far, `log` what it has logged. */
function start(
  name: string,
  args: readonly string[],
  { env = {}, settings = {}, atTerminal = false }: RunOptions = {},
) {
  const folder = temporaryFolder();
  const logs = { resumeLog: join(folder, "resume.log"), suspendLog: join(folder, "suspend.log") };
  writeFileSync(join(folder, "power-agent.yaml"), JSON.stringify({ deadlineSeconds: 3, ...logs, ...settings }));
  const environment = { SLURM_CONF: join(folder, "slurm.conf"), ...env };
  const command = [join(inject("installation"), name), ...args];
  const quoted = command.map((word) => `'${word}'`).join(" ");
  const [program = "", ...words] = atTerminal ? ["script", "-qec", quoted, "/dev/null"] : command;
  const started = performance.now();
  const child = spawn(program, words, { env: { PATH: "/usr/bin:/bin", ...environment } });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  }
  const log = () => ["resume", "suspend"].map((verb) => readIfThere(join(folder, `${verb}.log`))).join("");
  const ended = once(child, "close").then(([code]) => {
    return { exitCode: Number(code), ...output, log: log(), milliseconds: performance.now() - started };
  });
  return { child, output, log, ended };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Nothing was logged yet.
    return "";
  }
}

/** Runs slurm-resume to its end. */
function resume(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return start("slurm-resume", args, { env }).ended;
}

/** A script that stands for scontrol. */
function scontrolScript(body: string): string {
  const path = join(temporaryFolder(), "scontrol");
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A kubeconfig that points to `server` with this user. */
function kubeconfig(server: string, user: object): string {
  const path = join(temporaryFolder(), "config");
  writeFileSync(path, kubeconfigText(server, user));
  return path;
}

function kubeconfigText(server: string, user: object): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server, "certificate-authority": controlPlane.caFile } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

test("with KUBECONFIG and flags; --dry-run prints the patch and the scontrol calls, and changes nothing", async () => {
  const fixture = await createClusterFixture(controlPlane, "by-hand", [{ groupName: "cpu", replicas: 0 }]);
  const { metadata } = await fixture.read();
  const flags = ["--namespace", "default", "--cluster", "by-hand"];
  const env = { KUBECONFIG: controlPlane.adminKubeconfig };
  const dry = await resume([...flags, "--dry-run", "by-hand-worker-cpu-[0-1],by-hand-worker-gpu-0"], env);
  const patch = [
    { op: "test", path: "/metadata/uid", value: metadata.uid },
    { op: "test", path: "/metadata/generation", value: metadata.generation },
    { op: "test", path: "/spec/workerGroupSpecs/0/groupName", value: "cpu" },
    { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [0, 1] },
    { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 2 },
  ];
  expect(dry.stdout).toBe(
    `PATCH /apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters/by-hand\n${JSON.stringify(patch, null, 2)}\n` +
      "scontrol update NodeName=by-hand-worker-gpu-0 State=DOWN 'Reason=power-agent: UnknownGroup: names worker group gpu, " +
      "which SlurmCluster by-hand does not have (it has cpu)'\n",
  );
  expect(dry.exitCode).toBe(1);
  expect(dry.stderr).not.toContain("end\n");
  expect(await fixture.groups()).toEqual({ cpu: { groupName: "cpu", replicas: 0 } });

  expect((await resume([...flags, "by-hand-worker-cpu-1"], env)).exitCode).toBe(0);
  expect((await fixture.groups()).cpu?.podsToBeCreated).toEqual([1]);
  expect(
    (await resume(["by-hand-worker-cpu-2"], { ...env, SLURM_NAMESPACE: "default", SLURM_CLUSTER: "by-hand" })).exitCode,
  ).toBe(0);
  expect((await fixture.groups()).cpu?.podsToBeCreated).toEqual([1, 2]);
});

test("a login program that hangs does not outlive the deadline", async () => {
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: "/bin/sleep",
    args: ["60"],
    interactiveMode: "Never",
  };
  const env = { KUBECONFIG: kubeconfig(controlPlane.url, { exec }), SLURM_NAMESPACE: "default", SLURM_CLUSTER: "x" };
  const { exitCode, milliseconds } = await resume(["x-worker-cpu-0"], env);
  expect(exitCode).not.toBe(0);
  expect(milliseconds).toBeLessThan(5000);
});

test("what a login program prints in error never gets out", async () => {
  const login = join(temporaryFolder(), "login");
  writeFileSync(login, '#!/bin/sh\necho \'{"status":{"token":"SECRET-TOKEN"} oops\'\n');
  chmodSync(login, 0o755);
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: login, interactiveMode: "Never" };
  const env = { KUBECONFIG: kubeconfig(controlPlane.url, { exec }), SLURM_NAMESPACE: "default", SLURM_CLUSTER: "x" };
  const { exitCode, stdout, stderr } = await resume(["x-worker-cpu-0"], env);
  expect(exitCode).not.toBe(0);
  expect(stdout + stderr).not.toContain("SECRET");
});

test("a server that does not speak TLS is a broken connection, not a matter of trust", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const env = {
    KUBECONFIG: kubeconfig(`https://127.0.0.1:${port}`, { token: "t" }),
    SLURM_NAMESPACE: "default",
    SLURM_CLUSTER: "x",
  };
  const { exitCode, milliseconds } = await resume(["x-worker-cpu-0"], env);
  expect(exitCode).toBe(1);
  expect(milliseconds).toBeGreaterThan(900);
});

test("a client certificate that is replaced before its key: the program waits for the key", async () => {
  const fixture = await createClusterFixture(controlPlane, "in-steps", [{ groupName: "cpu", replicas: 0 }]);
  const folder = temporaryFolder();
  const file = (name: string) => join(controlPlane.folder, name);
  const [certificate, key] = [join(folder, "client.crt"), join(folder, "client.key")];
  copyFileSync(file("admin.crt"), certificate);
  copyFileSync(file("kube-apiserver.key"), key);
  const config = kubeconfig(controlPlane.url, { "client-certificate": certificate, "client-key": key });
  const settings = { kubeconfig: config, namespace: "default", cluster: "in-steps", deadlineSeconds: 15 };
  const running = start("slurm-resume", ["in-steps-worker-cpu-0"], { settings });
  await waitFor("a try", running.log, (log) => log.includes("next in"), 10_000);
  copyFileSync(file("admin.key"), key);
  const { exitCode, log } = await running.ended;
  expect(exitCode).toBe(0);
  expect(log).toMatch(
    / WARN +\S+ try 1 failed: .*: certificate, key or token cannot be used: .*key values mismatch; next/,
  );
  expect(log).not.toContain("defect");
  expect((await fixture.groups()).cpu?.podsToBeCreated).toEqual([0]);
});

test("a token that is replaced in the kubeconfig counts for the API that is open", async () => {
  const { token } = await createClusterFixture(controlPlane, "rotated", [{ groupName: "cpu", replicas: 0 }]);
  const path = kubeconfig(controlPlane.url, { token: "expired" });
  const api = createApi(await findConnection({ kubeconfig: path, env: {}, podFiles }), {
    userAgent: "rotated",
    now: Date.now,
  });
  const read = () =>
    api({
      method: "GET",
      path: slurmClusterPath({ namespace: "default", name: "rotated" }),
      signal: AbortSignal.timeout(10_000),
    });
  await expect(read()).rejects.toMatchObject({ kind: "Unauthorized" });
  writeFileSync(path, kubeconfigText(controlPlane.url, { token }));
  expect(await read()).toMatchObject({ metadata: { name: "rotated" } });
});

test("slurm-suspend at a terminal ends no Pod but those of nodes that Slurm has parked", async () => {
  const groups = [{ groupName: "cpu", replicas: 3, podsToBeCreated: [0, 1, 2] }];
  const fixture = await createClusterFixture(controlPlane, "typed", groups);
  const place = { namespace: "default", cluster: "typed", kubeconfig: controlPlane.adminKubeconfig };
  const scontrol = scontrolScript(
    ["echo NodeName=typed-worker-cpu-0 State=ALLOCATED+CLOUD", "echo NodeName=typed-worker-cpu-1 State=MIXED+CLOUD"]
      .concat("echo NodeName=typed-worker-cpu-2 State=IDLE+CLOUD+POWERED_DOWN")
      .join("\n"),
  );
  const suspend = (settings: object, args: readonly string[] = ["typed-worker-cpu-[0-2]"]) =>
    start("slurm-suspend", args, { settings: { ...place, ...settings }, atTerminal: true }).ended;

  const { exitCode: unknown } = await suspend({ scontrol: "/nonexistent/scontrol" });
  expect(unknown).toBe(1);
  expect((await fixture.groups()).cpu).toEqual(groups[0]);

  const { exitCode, stdout } = await suspend({ scontrol });
  expect(exitCode).toBe(1);
  expect(stdout).toContain(
    "suspend node typed-worker-cpu-0 failed: NotParked: run by hand, and it is ALLOCATED+CLOUD in Slurm, so its Pod is left alone; " +
      "to park it once its jobs have ended: scontrol update NodeName=typed-worker-cpu-0 State=POWER_DOWN",
  );
  expect(stdout).toMatch(/suspend finished: 1 recorded, 2 failed, /);
  expect((await fixture.groups()).cpu).toMatchObject({
    podsToBeCreated: [0, 1],
    podsToBeDeleted: ["typed-worker-cpu-2"],
  });

  const dry = await suspend({ scontrol: "/nonexistent/scontrol" }, ["--dry-run", "typed-worker-cpu-0"]);
  expect(dry.exitCode).toBe(0);
  expect(dry.stdout).toContain("PATCH /apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters/typed");
});

test("slurmctld that reads the outputs of the hook script sees no end of them before the program's", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const config = kubeconfig(`https://127.0.0.1:${port}`, { token: "t" });
  const settings = { kubeconfig: config, namespace: "default", cluster: "read" };
  const running = start("slurm-resume.sh", ["read-worker-cpu-0"], { settings });
  const atEnd = [running.child.stdout, running.child.stderr].map(async (stream) => {
    await once(stream, "end");
    return running.log();
  });
  for (const log of await Promise.all(atEnd)) expect(log).toMatch(/resume finished: 0 recorded, 1 failed/);
  expect((await running.ended).milliseconds).toBeGreaterThan(2900);
});

test("slurmctld-copilot --once and --dry-run beside backup controllers: only where slurmctld serves, and without the Lease", async () => {
  // A text that only a patch by hand gets there, and that would be a command in a shell.
  const text = "demo-worker-$(reboot)-0";
  const groups = [{ groupName: "powering-up-idle", replicas: 0, podsToBeDeleted: [text] }];
  await createClusterFixture(controlPlane, "demo", groups);
  const place = { namespace: "default", cluster: "demo", kubeconfig: controlPlane.adminKubeconfig };
  const scontrol = (primary: string, backup: string) => {
    const ping = `Slurmctld(primary) at ${primary} is UP\nSlurmctld(backup) at ${backup} is UP\n`;
    const folder = dirname(scontrolScript(""));
    for (const what of ["config", "node", "partition"]) {
      writeFileSync(join(folder, what), recorded("22.05", `show-${what}`));
    }
    writeFileSync(join(folder, "ping"), ping);
    return scontrolScript(`for word; do :; done\ncat ${folder}/$word`);
  };
  const here = { ...place, scontrol: scontrol(hostname(), "elsewhere") };
  const elsewhere = { ...place, scontrol: scontrol("elsewhere", hostname()) };

  const refused = await start("slurmctld-copilot", ["--once"], { settings: elsewhere }).ended;
  expect(refused.exitCode).toBe(1);
  expect(refused.log).toMatch(
    /stands by: slurmctld of elsewhere serves, .*\n.* ERROR .* --once does nothing on a host /,
  );

  const dry = start("slurmctld-copilot", ["--dry-run"], { settings: here });
  onTestFinished(() => void dry.child.kill("SIGKILL"));
  const said = () => dry.output.stderr;
  await waitFor("a decision", said, (log) => / would \S+ demo-worker-powering-up-idle-0: /.test(log), 40_000);
  dry.child.kill("SIGTERM");
  expect((await dry.ended).exitCode).toBe(0);
  expect(said()).not.toContain("stands by");

  const explained = await start("slurmctld-copilot", ["explain", text], { settings: here }).ended;
  expect(explained).toMatchObject({ exitCode: 1, stdout: "" });
  expect(explained.stderr).toContain(`${text}: not the name of a worker; `);

  const events = await controlPlane.auditEvents();
  const ours = events.filter(({ userAgent }) => userAgent?.startsWith("slurmctld-copilot/"));
  expect(ours.length).toBeGreaterThan(0);
  expect(ours.filter(({ objectRef }) => objectRef?.resource === "leases")).toEqual([]);
});
