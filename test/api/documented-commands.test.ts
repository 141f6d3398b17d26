/** The commands of the documentation that install something, as they stand there. Nothing runs Pods here. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { SlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";
import { describeWithHelm, helmProgram } from "../support/helm.ts";
import { call } from "../support/stand-in-api.ts";

const root = join(import.meta.dirname, "../..");
const clustersOf = (namespace: string) => `/apis/kai.alibabacloud.com/v1/namespaces/${namespace}/slurmclusters`;
const read = <T>(path: string) => call<T>(controlPlane.request, [200], "GET", path);

// One for each: nothing has been applied by anybody else.
let controlPlane: ControlPlane;
let home: string;
beforeEach(async () => {
  [controlPlane, home] = await Promise.all([startControlPlane(), mkdtemp(join(tmpdir(), "helm-"))]);
});
afterEach(async () => {
  await controlPlane?.stop();
  await rm(home, { recursive: true, force: true });
});

describeWithHelm("docs/install.md", () => {
  test("its commands that change something work, from the first to the last", async (context) => {
    if (controlPlane.kubectl === undefined) return context.skip("KUBEBUILDER_ASSETS holds no kubectl");
    const text = await readFile(join(root, "docs/install.md"), "utf8");
    const blocks = text.match(/(^ {4}.*\n)+/gm) ?? [];
    const script = blocks
      .filter((block) => /helm (install|upgrade)|kubectl apply/.test(block))
      .join("")
      .replaceAll(/^ {4}/gm, "")
      // Nothing runs Pods here.
      .replaceAll(/^kubectl .* rollout .*\n/gm, "");
    expect(script.match(/^(helm|kubectl|sed) /gm)).toHaveLength(10);
    const folder = await mkdtemp(join(home, "install-"));
    await symlink(join(root, "deploy"), join(folder, "deploy"));
    const folders = [dirname(helmProgram), dirname(controlPlane.kubectl), process.env.PATH];
    const env = { PATH: folders.join(":"), HOME: folder, KUBECONFIG: controlPlane.adminKubeconfig };
    await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, env });
    const { spec } = await read<SlurmCluster>(`${clustersOf("demo")}/demo`);
    expect(spec.workerGroupSpecs).toMatchObject([{ groupName: "cpu" }, { groupName: "big" }]);
    expect(await read("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/slurm-demo-copilot")).toBeDefined();
  });
});

describe("deploy/manifests", () => {
  test("works by the commands at its head, and again after the agent wrote", async (context) => {
    // Another one: nothing has been applied by anybody else.
    if (controlPlane.kubectl === undefined) return context.skip("KUBEBUILDER_ASSETS holds no kubectl");
    const PATH = `${dirname(controlPlane.kubectl)}:${process.env.PATH}`;
    const folder = join(root, "deploy/manifests");
    /** Runs the commands that stand at the head of a manifest, indented by five. */
    const follow = async (file: string, only = /./) => {
      const head = (await readFile(join(folder, file), "utf8")).split(/^(?!#)/m)[0] ?? "";
      const commands = [...head.matchAll(/^# {5}(.*)$/gm)]
        .map(([, command = ""]) => command)
        .filter((each) => only.test(each));
      expect(commands).not.toEqual([]);
      for (const command of commands) {
        const env = { PATH, HOME: home, KUBECONFIG: controlPlane.adminKubeconfig };
        await promisify(execFile)("bash", ["-o", "pipefail", "-c", command], { cwd: folder, env });
      }
    };
    await follow("slurm-operator.yaml");
    await expect
      .poll(() => controlPlane.request("GET", clustersOf("default")), { timeout: 20_000 })
      .toMatchObject({ status: 200 });
    await follow("slurm-cluster.yaml");
    const secret = await read<{ data: Record<string, string> }>("/api/v1/namespaces/default/secrets/slurm-demo-munge");
    expect(Buffer.from(secret.data["munge.key"] ?? "", "base64")).toHaveLength(128);
    const written = { replicas: 2, podsToBeCreated: [0, 3], podsToBeDeleted: ["slurm-demo-worker-cpu-1"] };
    const path = `${clustersOf("default")}/slurm-demo`;
    const body = Object.entries(written).map(([key, value]) => ({
      op: "add",
      path: `/spec/workerGroupSpecs/0/${key}`,
      value,
    }));
    await call(controlPlane.request, [200], "PATCH", path, { body, contentType: "application/json-patch+json" });
    await follow("slurm-cluster.yaml", /apply/);
    const { spec } = await read<SlurmCluster>(path);
    expect(spec.workerGroupSpecs).toMatchObject([{ groupName: "cpu", ...written }]);
  });
});
