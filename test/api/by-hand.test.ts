import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { createClusterFixture } from "../support/cluster-fixture.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane.stop());

/** Runs slurm-resume from a shell of an admin outside the cluster. */
function resume(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "power-agent.yaml"), `resumeLog: ${join(folder, "resume.log")}\ndeadlineSeconds: 3\n`);
  const started = performance.now();
  return new Promise<{ exitCode: number; stdout: string; stderr: string; milliseconds: number }>((resolve) => {
    const environment = { SLURM_CONF: join(folder, "slurm.conf"), ...env };
    execFile(join(inject("installation"), "slurm-resume"), [...args], { env: environment }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr, milliseconds: performance.now() - started });
    });
  });
}

/** A kubeconfig that points to `server` with this user. */
function kubeconfig(server: string, user: object): string {
  const path = join(temporaryFolder(), "config");
  const config = {
    clusters: [{ name: "c", cluster: { server, "certificate-authority": controlPlane.caFile } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
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
