import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { createOperatedCluster, type OperatedFixture, readyStatus, template } from "../support/operated-cluster.ts";
import { installOperator, type OperatorProcess, startOperatorProcess } from "../support/operator.ts";
import { call } from "../support/stand-in-api.ts";
import { waitFor } from "../support/wait-for.ts";

const lease = "/apis/coordination.k8s.io/v1/namespaces/slurm-operator/leases/slurm-operator";
const range = (count: number) => Array.from({ length: count }, (_, index) => index);

let controlPlane: ControlPlane;
let token: string;
let operator: OperatorProcess;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  token = await installOperator(controlPlane);
});
afterAll(() => controlPlane?.stop());
beforeEach(async () => {
  // Of the operator of another test, which was killed.
  await call(controlPlane.request, [200, 404], "DELETE", lease);
  operator = await startOperatorProcess(inject("installation"), controlPlane, { token });
});

const create = (name: string, group: object, spec: object = {}) =>
  createOperatedCluster(controlPlane, name, {
    slurmctld: { template },
    ...spec,
    workerGroupSpecs: [{ groupName: "cpu", template, ...group }],
  });

/** Makes a ready Pod of one of a cluster's Deployments, as its controller and kubelet would. */
async function createDaemonPod(cluster: OperatedFixture, type: "slurmdbd" | "slurmrestd"): Promise<void> {
  const labels = { "kai.alibabacloud.com/slurm-cluster": cluster.name, "kai.alibabacloud.com/slurm-node-type": type };
  const name = `${cluster.name}-${type}-7d9c6b5f4-x2x4z`;
  const body = { metadata: { name, labels }, spec: template.spec };
  await call(controlPlane.request, [201], "POST", `/api/v1/namespaces/${cluster.namespace}/pods`, { body });
  await cluster.setPodStatus(name, readyStatus);
}

/** Time in which an operator that would do something wrong has done it. */
const settled = () => delay(2000);

test("a cluster gets its head, Services, rights and workers, all its own; status and metrics tell of it", async () => {
  const cluster = await create("whole", { replicas: 2 }, { slurmdbd: { template }, slurmrestd: { template } });
  await cluster.untilWorkers([0, 1]);
  const { uid } = (await cluster.read()).metadata;
  const paths = [
    "/apis/apps/v1/namespaces/NS/statefulsets/whole",
    "/api/v1/namespaces/NS/services/whole",
    "/api/v1/namespaces/NS/serviceaccounts/whole",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles/whole",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings/whole",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles/whole-copilot",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings/whole-copilot",
    "/apis/apps/v1/namespaces/NS/deployments/whole-slurmdbd",
    "/api/v1/namespaces/NS/services/whole-slurmdbd",
    "/apis/apps/v1/namespaces/NS/deployments/whole-slurmrestd",
    "/api/v1/namespaces/NS/services/whole-slurmrestd",
    `/api/v1/namespaces/NS/pods/${cluster.worker(0)}`,
  ];
  const owner = { kind: "SlurmCluster", name: "whole", uid, controller: true, blockOwnerDeletion: true };
  for (const path of paths) {
    const object = await call(controlPlane.request, [200], "GET", path.replace("NS", cluster.namespace));
    expect(object, path).toMatchObject({ metadata: { ownerReferences: [owner] } });
  }
  const without = await cluster.untilStatus("progressing", ({ state }) => state === "progressing");
  expect(without.status?.reason).toBe("a Pod of whole-slurmdbd is not there yet");
  await createDaemonPod(cluster, "slurmdbd");
  await createDaemonPod(cluster, "slurmrestd");
  await cluster.createHeadPod();
  await cluster.setPodStatus("whole-0", readyStatus);
  await cluster.setPodStatus(cluster.worker(0), readyStatus);
  const waiting = await cluster.untilStatus("one worker", ({ availableWorkers }) => availableWorkers?.length === 1);
  expect(waiting.status?.reason).toContain(cluster.worker(1));
  await cluster.setPodStatus(cluster.worker(1), readyStatus);
  const { metadata, status } = await cluster.untilStatus("ready", ({ state }) => state === "ready");
  expect(status).not.toHaveProperty("reason");
  expect(status).toMatchObject({
    availableWorkerReplicas: 2,
    availableWorkers: [cluster.worker(0), cluster.worker(1)],
    observedGeneration: 1,
  });
  // Never writes the specification.
  expect(metadata.generation).toBe(1);
  await settled();
  expect((await cluster.read()).status?.lastUpdateTime).toBe(status?.lastUpdateTime);
  const metrics = (await operator.get("/metrics")).body;
  expect(metrics).toContain("slurm_operator_leader 1");
  expect(metrics).toContain('slurm_operator_cluster_state{namespace="ns-whole",cluster="whole",state="ready"} 1');
  expect(metrics).toContain('slurm_operator_pods_total{namespace="ns-whole",cluster="whole",what="created"} 2');
  expect(await operator.get("/healthz")).toEqual({ status: 200, body: "ok\n" });
  expect(await operator.get("/readyz")).toEqual({ status: 200, body: "ok\n" });
  expect(await cluster.events()).toContain("WorkerCreated: created whole-worker-cpu-[0-1]");
});

describe("lists", () => {
  test("what is named is created and deleted, and nothing else; wiped lists cost no worker", async () => {
    const cluster = await create("lists", { replicas: 0, podsToBeCreated: [0, 1, 7] });
    await cluster.untilWorkers([0, 1, 7]);
    for (const { metadata } of await cluster.pods()) {
      expect(metadata.annotations).toMatchObject({ "kai.alibabacloud.com/power-managed": "true" });
    }
    const before = await cluster.pods();
    await cluster.setGroup({ podsToBeCreated: [0, 7], podsToBeDeleted: [cluster.worker(1), "elsewhere-worker-cpu-0"] });
    await cluster.untilWorkers([0, 7]);
    await cluster.setGroup({ podsToBeCreated: [], podsToBeDeleted: [], replicas: 0 });
    await settled();
    await cluster.untilWorkers([0, 7]);
    await cluster.setGroup({ podsToBeCreated: [0, 7], podsToBeDeleted: [cluster.worker(7)] });
    await settled();
    // In both lists: nothing happens.
    await cluster.untilWorkers([0, 7]);
    expect((await cluster.pods()).map(({ metadata }) => metadata.uid)).toEqual(
      before.filter(({ metadata }) => metadata.name !== cluster.worker(1)).map(({ metadata }) => metadata.uid),
    );
    const events = (await cluster.events()).join("\n");
    expect(events).toContain(`SurplusWorker: lists-worker-cpu-[0,7]: nobody asks for it`);
    expect(events).toContain(`ContradictoryLists: ${cluster.worker(7)}`);
    expect(events).toContain("UnknownName: podsToBeDeleted names elsewhere-worker-cpu-0");
  });

  test("a group that Slurm does not manage follows replicas, highest first; its first list makes it managed", async () => {
    const cluster = await create("plain", { replicas: 4 });
    await cluster.untilWorkers([0, 1, 2, 3]);
    await cluster.setGroup({ replicas: 2 });
    await cluster.untilWorkers([0, 1]);
    await cluster.setGroup({ podsToBeCreated: [5] });
    await cluster.untilWorkers([0, 1, 5]);
    await waitFor(
      "the mark of all",
      cluster.pods,
      (pods) => pods.every(({ metadata }) => metadata.annotations?.["kai.alibabacloud.com/power-managed"] === "true"),
      60_000,
    );
    await cluster.setGroup({ podsToBeCreated: [], replicas: 0 });
    await settled();
    await cluster.untilWorkers([0, 1, 5]);
  });
});

test("a worker that has ended is made again; one that belongs to somebody else is left alone and told of", async () => {
  const cluster = await create("ended", { replicas: 0 });
  const foreign = { metadata: { name: cluster.worker(1) }, spec: template.spec };
  await call(controlPlane.request, [201], "POST", `/api/v1/namespaces/${cluster.namespace}/pods`, { body: foreign });
  await cluster.setGroup({ podsToBeCreated: [0, 1, 2] });
  await cluster.untilWorkers([0, 1, 2]);
  const uidOf = async (index: number) =>
    (await cluster.pods()).find(({ metadata }) => metadata.name === cluster.worker(index))?.metadata.uid;
  const [first, theirs] = [await uidOf(0), await uidOf(1)];
  await cluster.setPodStatus(cluster.worker(0), { phase: "Failed", reason: "Evicted", message: "no memory" });
  await waitFor(
    "another Pod",
    () => uidOf(0),
    (uid) => uid !== undefined && uid !== first,
    60_000,
  );
  const { status } = await cluster.untilStatus("unhealthy", ({ state }) => state === "unhealthy");
  expect(status?.reason).toBe(
    `Pod ${cluster.worker(1)} exists and does not belong to this SlurmCluster; it is left alone`,
  );
  expect(await uidOf(1)).toBe(theirs);
});

test("a group that is removed loses its workers; a specification without groups, or a broken one, loses none", async () => {
  const cluster = await create("groups", { replicas: 2 });
  await cluster.untilWorkers([0, 1]);
  await cluster.merge({ workerGroupSpecs: null });
  const missing = await cluster.untilStatus("failed", ({ state }) => state === "failed");
  expect(missing.status?.reason).toContain("workerGroupSpecs is missing");
  await cluster.merge({ workerGroupSpecs: [{ groupName: "gpu", template: { spec: {} } }] });
  await cluster.untilStatus("failed for the template", ({ reason }) => reason?.includes("no container") === true);
  await settled();
  await cluster.untilWorkers([0, 1]);
  await cluster.merge({ workerGroupSpecs: [{ groupName: "gpu", template }] });
  await cluster.untilWorkers([]);
});

test("a changed template: the head gets it at once, workers keep running and are told of", async () => {
  const cluster = await create("changed", { podsToBeCreated: [0] });
  await cluster.untilWorkers([0]);
  const [before] = await cluster.pods();
  const newer = { spec: { containers: [{ name: "slurmd", image: "newer" }] } };
  await cluster.merge({ slurmctld: { template: newer } });
  await cluster.setGroup({ template: newer, podsToBeCreated: [0, 1] });
  await cluster.untilWorkers([0, 1]);
  const statefulSet = `/apis/apps/v1/namespaces/${cluster.namespace}/statefulsets/changed`;
  await waitFor(
    "the head's template",
    () => call<{ spec: { template: typeof newer } }>(controlPlane.request, [200], "GET", statefulSet),
    ({ spec }) => spec.template.spec.containers[0]?.image === "newer",
    60_000,
  );
  expect((await cluster.pods()).find(({ metadata }) => metadata.name === cluster.worker(0))).toEqual(before);
  const told = [
    "NoLimits: group cpu has no CPU and memory limits: its slurmd takes the whole machine for its own",
    "OutdatedTemplate: changed-worker-cpu-0: made from an older template; the new one holds from the next start",
  ];
  await waitFor("the Events", cluster.events, (events) => told.every((event) => events.includes(event)), 60_000);
});

test("a template that says the same by other means: what kube-apiserver had added to the old means goes with them", async () => {
  const templateOf = (
    container: object,
    volumes: readonly { readonly [kind: string]: unknown; readonly name: string }[],
  ) => ({
    spec: { containers: [{ name: "slurmctld", image: "head", ...container }], volumes },
  });
  const probe = { httpGet: { port: 80 } };
  const old = templateOf(
    {
      readinessProbe: probe,
      lifecycle: { preStop: probe },
    },
    [
      { name: "conf", configMap: { name: "conf" } },
      { name: "key", secret: { secretName: "key" } },
      { name: "home", hostPath: { path: "/home" } },
      { name: "token", projected: { sources: [{ secret: { name: "token" } }] } },
      { name: "info", downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
      { name: "scratch", nfs: { server: "files", path: "/scratch" } },
      { name: "state", persistentVolumeClaim: { claimName: "state" } },
    ],
  );
  const exec = { exec: { command: ["true"] } };
  const newer = templateOf(
    {
      readinessProbe: exec,
      lifecycle: { preStop: exec },
    },
    ["conf", "key", "home", "token", "info", "scratch", "state"].map((name) => ({ name, emptyDir: {} })),
  );
  const cluster = await create("other-means", {});
  await cluster.merge({ slurmctld: { template: old } });
  const statefulSet = `/apis/apps/v1/namespaces/${cluster.namespace}/statefulsets/other-means`;
  const read = () => call<{ spec: { template: typeof old } }>(controlPlane.request, [200], "GET", statefulSet);
  const volumes = ({ spec }: Awaited<ReturnType<typeof read>>) => spec.template.spec.volumes;
  await waitFor("the volumes", read, (found) => volumes(found).length === 8, 60_000);
  await cluster.merge({ slurmctld: { template: newer } });
  const isNew = (found: Awaited<ReturnType<typeof read>>) => volumes(found).some((volume) => "emptyDir" in volume);
  const { spec } = (await waitFor("the new ones", read, isNew, 60_000)).spec.template;
  expect(spec.containers).toMatchObject(newer.spec.containers);
  expect(spec.volumes.filter(({ name }) => name !== "slurmd-podinfo")).toEqual(newer.spec.volumes);
  // A StatefulSet may say what no Pod may.
  const pods = `/api/v1/namespaces/${cluster.namespace}/pods?dryRun=All`;
  const body = { metadata: { name: "like-the-head" }, spec };
  await call(controlPlane.request, [201], "POST", pods, { body });
});

test("what the API refuses is told, with a single try at a time", async () => {
  const broken = { spec: { containers: [{ name: "Not A Name", image: "worker" }] } };
  const cluster = await create("refused", { podsToBeCreated: range(40), template: broken });
  const { status } = await cluster.untilStatus("unhealthy", ({ state }) => state === "unhealthy");
  expect(status?.reason).toContain(`cannot create Pod ${cluster.worker(0)}`);
  expect(status?.reason).toContain("Not A Name");
  await delay(5000);
  const events = await controlPlane.auditEvents();
  const tries = events.filter(
    ({ verb, requestURI }) => verb === "create" && requestURI.includes(`${cluster.namespace}/pods`),
  );
  expect(tries.length).toBeGreaterThan(1);
  expect(tries.length).toBeLessThan(8);
  await cluster.setGroup({ template });
  await cluster.untilWorkers(range(40), 120_000);
});

test("an ssh Service comes and goes as asked; a StatefulSet of somebody else is left alone", async () => {
  const cluster = await create("ssh", {}, { slurmctld: { template, sshService: { type: "NodePort" } } });
  const service = `/api/v1/namespaces/${cluster.namespace}/services/ssh-ssh`;
  const seen = async () => (await controlPlane.request("GET", service)).status;
  await waitFor("the Service", seen, (status) => status === 200, 60_000);
  await cluster.merge({ slurmctld: { sshService: null } });
  await waitFor("its end", seen, (status) => status === 404, 60_000);

  const labels = { app: "theirs" };
  const namespace = "ns-taken";
  await controlPlane.createNamespace(namespace);
  const body = {
    metadata: { name: "taken" },
    spec: {
      serviceName: "x",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: template.spec },
    },
  };
  await call(controlPlane.request, [201], "POST", `/apis/apps/v1/namespaces/${namespace}/statefulsets`, { body });
  const taken = await create("taken", {});
  const { status } = await taken.untilStatus("unhealthy", ({ state }) => state === "unhealthy");
  expect(status?.reason).toContain("StatefulSet taken exists and does not belong to this SlurmCluster");
});

test("a headless Service that somebody deleted comes back; what nobody touched is read and not written", async () => {
  const cluster = await create("mended", { replicas: 0 });
  await cluster.createHeadPod();
  await cluster.setPodStatus("mended-0", readyStatus);
  await cluster.untilStatus("ready", ({ state }) => state === "ready");
  // The first look at the children of a cluster whose head is there.
  await settled();
  const service = `/api/v1/namespaces/${cluster.namespace}/services/mended`;
  await call(controlPlane.request, [200], "DELETE", service);
  const gone = performance.now();
  await waitFor(
    "the Service",
    () => controlPlane.request("GET", service),
    ({ status }) => status === 200,
    60_000,
  );
  expect(performance.now() - gone).toBeLessThan(35_000);
  const applied = (await controlPlane.auditEvents()).flatMap(({ requestURI, userAgent, verb }) =>
    verb === "patch" && userAgent?.startsWith("slurm-operator/")
      ? (requestURI.match(/\/ns-mended\/(?!slurmclusters)([a-z]+\/[-a-z]+)/)?.[1] ?? [])
      : [],
  );
  expect(applied.toSorted()).toEqual([
    "rolebindings/mended",
    "rolebindings/mended-copilot",
    "roles/mended",
    "roles/mended-copilot",
    "serviceaccounts/mended",
    "services/mended",
    "services/mended",
    "statefulsets/mended",
  ]);
}, 120_000);

test("a resource that is deleted is left to garbage collection: nothing is made again", async () => {
  const cluster = await create("deleted", { replicas: 2 });
  await cluster.untilWorkers([0, 1]);
  await call(controlPlane.request, [200], "DELETE", cluster.path);
  await call(
    controlPlane.request,
    [200],
    "DELETE",
    `/api/v1/namespaces/${cluster.namespace}/pods/${cluster.worker(0)}`,
  );
  await settled();
  await cluster.untilWorkers([1]);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends it within two seconds, with its Lease given back",
  async (signal) => {
    await waitFor("the Lease", operator.log, (log) => log.includes(" leads"), 60_000);
    const { exitCode, milliseconds } = await operator.end(signal);
    expect(exitCode).toBe(0);
    expect(milliseconds).toBeLessThan(2000);
    expect(await call(controlPlane.request, [200], "GET", lease)).not.toHaveProperty("spec.holderIdentity");
  },
);
