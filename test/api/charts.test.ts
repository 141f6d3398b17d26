import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { runHelm } from "../../scripts/charts/helm.ts";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { SlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";
import { describeWithHelm, helmProgram, template } from "../support/helm.ts";
import { startOperatorProcess } from "../support/operator.ts";

/* The charts with the real helm and the real kube-apiserver. Nothing runs Pods here. */

const root = join(import.meta.dirname, "../..");
const operatorChart = join(root, "deploy/charts/slurm-operator");
const clusterChart = join(root, "deploy/charts/slurm-cluster");

let controlPlane: ControlPlane;
let helmHome: string;
beforeAll(async () => {
  [controlPlane, helmHome] = await Promise.all([startControlPlane(), mkdtemp(join(tmpdir(), "helm-"))]);
});
afterAll(async () => {
  await controlPlane?.stop();
  await rm(helmHome, { recursive: true, force: true });
});

/** helm with the control plane, and with folders of its own. */
function runInCluster(...args: string[]): Promise<string> {
  const environment = { KUBECONFIG: controlPlane.adminKubeconfig, HELM_DATA_HOME: helmHome, HELM_CACHE_HOME: helmHome };
  return runHelm(helmProgram, args, environment);
}

/** kubectl of this Kubernetes; its own validation knows every field, that of kube-apiserver 1.20 drops unknown ones in silence. */
async function kubectl(input: string, ...args: string[]): Promise<string> {
  if (controlPlane.kubectl === undefined) throw new Error("KUBEBUILDER_ASSETS holds no kubectl");
  const running = promisify(execFile)(controlPlane.kubectl, ["--kubeconfig", controlPlane.adminKubeconfig, ...args]);
  running.child.stdin?.end(input);
  return (await running).stdout;
}

async function read<T>(path: string): Promise<T> {
  const answer = await controlPlane.request("GET", path);
  if (answer.status !== 200) throw new Error(`GET ${path}: HTTP ${answer.status}`);
  return answer.body as T;
}

const secrets = "/api/v1/namespaces/default/secrets";
const clusters = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";
const readKey = async (name: string) =>
  (await read<{ data: Record<string, string> }>(`${secrets}/${name}`)).data["munge.key"];
const readGroups = async (name: string) =>
  (await read<SlurmCluster>(`${clusters}/${name}`)).spec.workerGroupSpecs ?? [];

/** What an operator says is there. */
async function writeAvailable(name: string, availableWorkers: readonly string[]): Promise<void> {
  const options = { body: { status: { availableWorkers } }, contentType: "application/merge-patch+json" };
  const answer = await controlPlane.request("PATCH", `${clusters}/${name}/status`, options);
  expect(answer.status).toBe(200);
}

/** What slurm-resume and slurm-suspend leave in the first group. */
async function writeAsAgent(name: string, values: Readonly<Record<string, unknown>>): Promise<void> {
  const body = Object.entries(values).map(([key, value]) => ({
    op: "add",
    path: `/spec/workerGroupSpecs/0/${key}`,
    value,
  }));
  const answer = await controlPlane.request("PATCH", `${clusters}/${name}`, {
    body,
    contentType: "application/json-patch+json",
  });
  expect(answer.status).toBe(200);
}

/** Values that switch everything on. */
const everything = [
  ...["--set", "accounting.enabled=true,accounting.mariadb.enabled=true,accounting.mariadb.size=1Gi"],
  ...["--set", "ldap.enabled=true,ldap.server.enabled=true,ssh.enabled=true,home.type=claim,state.type=claim"],
  ...["--set", "ssh.port=2222", "--set-json", 'ssh.annotations={"cloud.example.com/load-balancer-scope":"internal"}'],
  ...["--set-json", 'ldap.server.users=[{"name":"alice","uid":2000,"passwordHash":"{SSHA}x"}]'],
  ...["--set-json", 'imagePullSecrets=[{"name":"registry"}]', "--set-json", 'powerAgent={"allOrNothing":true}'],
  ...["--set-json", 'extraVolumes=[{"name":"data","emptyDir":{}}]'],
  ...["--set-json", 'extraVolumeMounts=[{"name":"data","mountPath":"/data"}]'],
  ...["--set-json", 'head.podSpec={"nodeSelector":{"kind":"head"}}'],
  "--set-json",
  'workerGroups=[{"name":"gpu","maxNodes":2,"cpus":2,"memory":"4Gi","requests":{"cpu":0.5},"image":{"tag":"cuda"},"podSpec":{"tolerations":[{"operator":"Exists"}]},"gres":[{"name":"gpu","type":"a100","count":2,"resource":"nvidia.com/gpu","file":"/dev/nvidia[0-1]"}]}]',
];

describeWithHelm("the operator's release", () => {
  test("brings the resource", async () => {
    expect(await controlPlane.request("GET", clusters)).toMatchObject({ status: 404 });
    await runInCluster(
      "install",
      "slurm-operator",
      operatorChart,
      "--namespace",
      "slurm-operator",
      "--create-namespace",
    );
    await expect.poll(() => controlPlane.request("GET", clusters), { timeout: 20_000 }).toMatchObject({ status: 200 });
  });
});

describeWithHelm("what the charts render is taken by the API", () => {
  beforeAll(() => controlPlane.applyCrd());

  test.each<[string, string, string[]]>([
    ["operator", operatorChart, []],
    ["operator of one namespace", operatorChart, ["--set", "watchNamespace=default"]],
    ["cluster", clusterChart, []],
    ["cluster with everything", clusterChart, everything],
    [
      "cluster with folders of the machine",
      clusterChart,
      ["--set", "home.type=hostPath,home.hostPath=/srv/home,state.type=hostPath,state.hostPath=/srv/state"],
    ],
    [
      "cluster with a Secret and claims of the site",
      clusterChart,
      [
        "--set",
        "munge.existingSecret=own,home.type=existingClaim,home.existingClaim=a,state.type=existingClaim,state.existingClaim=b,accounting.enabled=true,accounting.existingSecret=c",
      ],
    ],
  ])("%s", async (_, chart, args) => {
    const rendered = await template(chart, ...args);
    await kubectl(rendered, "apply", "--dry-run=server", "-f", "-");
    // The resource takes any Pod template; a Pod does not.
    for (const document of parseAllDocuments(rendered)) {
      const object = document.toJSON() as SlurmClusterTemplates | null;
      if (object?.kind !== "SlurmCluster") continue;
      const { slurmctld, slurmdbd, workerGroupSpecs } = object.spec;
      for (const [index, part] of [slurmctld, slurmdbd, ...workerGroupSpecs].entries()) {
        if (part === undefined) continue;
        const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: `dry-run-${index}` }, spec: part.template.spec };
        await kubectl(JSON.stringify(pod), "apply", "--dry-run=server", "-f", "-");
      }
    }
  });

  test("a wrong field in a Pod template would be noticed", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "x" },
      spec: { containers: [{ name: "x", image: "x", port: 1 }] },
    };
    await expect(kubectl(JSON.stringify(pod), "apply", "--dry-run=server", "-f", "-")).rejects.toThrow(
      /unknown field "(spec\.containers\[0\]\.)?port"/,
    );
  });
});

/** As much of a rendered SlurmCluster as is looked at. */
interface SlurmClusterTemplates {
  readonly kind: string;
  readonly spec: {
    readonly slurmctld: { readonly template: { readonly spec: object } };
    readonly slurmdbd?: { readonly template: { readonly spec: object } };
    readonly workerGroupSpecs: readonly { readonly template: { readonly spec: object } }[];
  };
}

describeWithHelm("a release", () => {
  test("of both charts: the operator, with its release's rights, makes the cluster", async () => {
    // Of the operator's release, which is installed above.
    const token = await controlPlane.serviceAccountToken("slurm-operator", "slurm-operator");
    const operator = await startOperatorProcess(inject("installation"), controlPlane, { token });
    await runInCluster("install", "made", clusterChart, ...everything);
    for (const path of [
      "/apis/apps/v1/namespaces/default/statefulsets/made",
      "/apis/apps/v1/namespaces/default/deployments/made-slurmdbd",
      "/api/v1/namespaces/default/services/made-ssh",
      "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/made-copilot",
    ]) {
      await expect.poll(() => controlPlane.request("GET", path), { timeout: 30_000 }).toMatchObject({ status: 200 });
    }
    expect(await read("/api/v1/namespaces/default/services/made-ssh")).toMatchObject({
      metadata: { annotations: { "cloud.example.com/load-balancer-scope": "internal" } },
      spec: { type: "LoadBalancer", ports: [{ port: 2222, targetPort: 22 }] },
    });
    await writeAsAgent("made", { replicas: 1, podsToBeCreated: [1] });
    const worker = "/api/v1/namespaces/default/pods/made-worker-gpu-1";
    await expect
      .poll(() => controlPlane.request("GET", worker), { timeout: 30_000 })
      .toMatchObject({
        status: 200,
        body: { spec: { automountServiceAccountToken: false, containers: [{ resources: { limits: { cpu: "2" } } }] } },
      });
    expect(operator.log()).not.toMatch(/forbidden/i);
  });

  test("upgrades and a new installation keep the munge key", async () => {
    await controlPlane.applyCrd();
    await runInCluster("install", "keep", clusterChart);
    const key = await readKey("keep-munge");
    expect(Buffer.from(key ?? "", "base64")).toHaveLength(128);
    await runInCluster("upgrade", "keep", clusterChart, "--set", "slurm.suspendTime=300");
    expect(await readKey("keep-munge")).toBe(key);
    await runInCluster("uninstall", "keep");
    expect(await readKey("keep-munge")).toBe(key);
    await runInCluster("install", "keep", clusterChart);
    expect(await readKey("keep-munge")).toBe(key);
    await runInCluster("install", "other", clusterChart);
    expect(await readKey("other-munge")).not.toBe(key);
  });

  test("an upgrade of the trial database keeps its password", async () => {
    await controlPlane.applyCrd();
    const withDatabase = ["--set", "accounting.enabled=true,accounting.mariadb.enabled=true"];
    const readSecret = async () => (await read<{ data: Record<string, string> }>(`${secrets}/accounted-slurmdbd`)).data;
    await runInCluster("install", "accounted", clusterChart, ...withDatabase);
    const secret = await readSecret();
    const { password = "", "slurmdbd.conf": conf = "", "start.sql": start = "" } = secret;
    expect(atob(password)).not.toBe("");
    expect(atob(conf)).toContain(`\nStoragePass=${atob(password)}`);
    expect(atob(start)).toContain(`IDENTIFIED BY '${atob(password)}'`);
    await runInCluster("upgrade", "accounted", clusterChart, ...withDatabase);
    expect(await readSecret()).toEqual(secret);
  });

  test("a Secret without munge.key is not overwritten", async () => {
    await controlPlane.applyCrd();
    const body = { apiVersion: "v1", kind: "Secret", metadata: { name: "foreign-munge" }, data: { other: "eA==" } };
    expect(await controlPlane.request("POST", secrets, { body })).toMatchObject({ status: 201 });
    await expect(runInCluster("install", "foreign", clusterChart)).rejects.toMatchObject({
      stderr: expect.stringContaining("Secret foreign-munge is there and holds no munge.key"),
    });
  });

  test("an upgrade carries over which workers are wanted; a rollback brings back none to delete", async () => {
    await controlPlane.applyCrd();
    await runInCluster("install", "live", clusterChart);
    await writeAsAgent("live", { replicas: 2, podsToBeCreated: [0, 3], podsToBeDeleted: ["live-worker-cpu-1"] });
    const groups =
      'workerGroups=[{"name":"cpu","maxNodes":20,"cpus":2,"memory":"1Gi"},{"name":"gpu","maxNodes":1,"cpus":1,"memory":"1Gi"}]';
    await runInCluster("upgrade", "live", clusterChart, "--set-json", groups);
    const [cpu, gpu] = await readGroups("live");
    expect(cpu).toMatchObject({ groupName: "cpu", replicas: 2, podsToBeCreated: [0, 3] });
    expect(gpu).toMatchObject({ groupName: "gpu", replicas: 0 });
    expect(cpu).not.toHaveProperty("podsToBeDeleted");
    expect(gpu).not.toHaveProperty("podsToBeCreated");
    // By now worker 1 runs and is wanted again; nothing that the history holds may end it.
    await writeAsAgent("live", { replicas: 1, podsToBeCreated: [1], podsToBeDeleted: ["live-worker-cpu-0"] });
    for (const revision of ["2", "1"]) {
      await runInCluster("rollback", "live", revision);
      for (const each of await readGroups("live"))
        expect(each.podsToBeDeleted ?? []).not.toContain("live-worker-cpu-1");
    }
  });

  test("a group is not removed while workers of it are up", async () => {
    await controlPlane.applyCrd();
    const groups = (name: string) => [
      "--set-json",
      `workerGroups=[{"name":"${name}","maxNodes":9,"cpus":1,"memory":"1Gi"}]`,
    ];
    await runInCluster("install", "busy", clusterChart, ...groups("old"));
    await writeAsAgent("busy", { replicas: 2, podsToBeCreated: [1, 7] });
    await expect(runInCluster("upgrade", "busy", clusterChart, ...groups("new"))).rejects.toMatchObject({
      stderr: expect.stringContaining(
        'worker group "old" is no longer in workerGroups, and these workers of it are up: busy-worker-old-1, busy-worker-old-7.',
      ),
    });
    expect(await readGroups("busy")).toMatchObject([{ groupName: "old", podsToBeCreated: [1, 7] }]);
    await writeAsAgent("busy", { replicas: 0, podsToBeCreated: [] });
    // Some operators empty the lists; what they say is there is there all the same.
    await writeAvailable("busy", ["busy-worker-old-3", "busy-worker-older-1"]);
    await expect(runInCluster("upgrade", "busy", clusterChart, ...groups("new"))).rejects.toMatchObject({
      stderr: expect.stringContaining("these workers of it are up: busy-worker-old-3."),
    });
    await writeAvailable("busy", []);
    await runInCluster("upgrade", "busy", clusterChart, ...groups("new"));
    expect(await readGroups("busy")).toMatchObject([{ groupName: "new" }]);
  });

  test("a group does not get fewer nodes while workers beyond them are up", async () => {
    await controlPlane.applyCrd();
    const nodes = (maxNodes: number) => [
      "--set-json",
      `workerGroups=[{"name":"cpu","maxNodes":${maxNodes},"cpus":1,"memory":"1Gi"}]`,
    ];
    const readConf = async () =>
      (await read<{ data: Record<string, string> }>("/api/v1/namespaces/default/configmaps/shrunk-slurm-conf")).data;
    await runInCluster("install", "shrunk", clusterChart, ...nodes(20));
    await writeAsAgent("shrunk", { replicas: 3, podsToBeCreated: [9, 15, 10] });
    await expect(runInCluster("upgrade", "shrunk", clusterChart, ...nodes(10))).rejects.toMatchObject({
      stderr: expect.stringContaining(
        'worker group "cpu": maxNodes is 10, and these workers beyond it are up: shrunk-worker-cpu-10, shrunk-worker-cpu-15. Drain their nodes and wait until they are parked',
      ),
    });
    expect((await readConf())["slurm.conf"]).toContain("NodeName=shrunk-worker-cpu-[0-19] ");
    await writeAsAgent("shrunk", { replicas: 1, podsToBeCreated: [9] });
    await writeAvailable("shrunk", ["shrunk-worker-cpu-9", "shrunk-worker-cpu-12", "shrunk-worker-cpu-more-15"]);
    await expect(runInCluster("upgrade", "shrunk", clusterChart, ...nodes(10))).rejects.toMatchObject({
      stderr: expect.stringContaining("these workers beyond it are up: shrunk-worker-cpu-12."),
    });
    await writeAvailable("shrunk", ["shrunk-worker-cpu-9"]);
    await runInCluster("upgrade", "shrunk", clusterChart, ...nodes(10));
    expect((await readConf())["slurm.conf"]).toContain("NodeName=shrunk-worker-cpu-[0-9] ");
    expect(await readGroups("shrunk")).toMatchObject([{ groupName: "cpu", podsToBeCreated: [9] }]);
  });
});
