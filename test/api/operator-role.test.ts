import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ApiClient, createApiClient } from "../../scripts/cluster/api-client.ts";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { createOperatedCluster, template } from "../support/operated-cluster.ts";
import { installOperator, startOperatorProcess } from "../support/operator.ts";
import { call } from "../support/stand-in-api.ts";
import { waitFor } from "../support/wait-for.ts";

const core = "/api/v1/namespaces/default";
const apps = "/apis/apps/v1/namespaces/default";
const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
const clusters = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";
const leases = "/apis/coordination.k8s.io/v1/namespaces";

let controlPlane: ControlPlane;
let token: string;
let client: ApiClient;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  token = await installOperator(controlPlane);
  const body = { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", metadata: { name: "demo" }, spec: {} };
  await call(controlPlane.request, [201], "POST", clusters, { body });
  const pod = { metadata: { name: "pod" }, spec: template.spec };
  await call(controlPlane.request, [201], "POST", `${core}/pods`, { body: pod });
  const ca = await readFile(controlPlane.caFile);
  client = createApiClient({ url: controlPlane.url, ca, credentials: { token }, userAgent: "operator" });
  await waitFor(
    "the ClusterRole to be in force",
    () => client.request("GET", "/api/v1/pods"),
    ({ status }) => status === 200,
    60_000,
  );
});
afterAll(async () => {
  client?.close();
  await controlPlane?.stop();
});

const merge = { body: {}, contentType: "application/merge-patch+json" };
const role = (rules: readonly object[]) => ({ body: { metadata: { name: "granted" }, rules } });
const agentRules = [
  {
    apiGroups: ["kai.alibabacloud.com"],
    resources: ["slurmclusters"],
    verbs: ["get", "update"],
    resourceNames: ["demo"],
  },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch", "delete"] },
];

test.each([
  ["GET", "/apis/kai.alibabacloud.com/v1/slurmclusters", undefined, 200],
  ["PATCH", `${clusters}/demo/status`, merge, 200],
  ["DELETE", `${clusters}/demo`, undefined, 403],
  ["POST", clusters, { body: {} }, 403],
  ["DELETE", `${core}/pods/pod`, { body: { preconditions: { uid: "another" } } }, 409],
  ["DELETE", `${core}/pods`, undefined, 403],
  ["POST", `${core}/pods/pod/exec?command=sh`, undefined, 403],
  ["GET", `${core}/pods/pod/log`, undefined, 403],
  ["GET", `${core}/secrets`, undefined, 403],
  ["GET", `${core}/secrets/munge`, undefined, 403],
  ["GET", `${core}/configmaps/slurm-conf`, undefined, 403],
  ["GET", "/api/v1/nodes", undefined, 403],
  ["GET", "/api/v1/namespaces", undefined, 403],
  ["GET", `${core}/services`, undefined, 403],
  ["GET", `${core}/services/none`, undefined, 404],
  ["DELETE", `${core}/serviceaccounts/demo`, undefined, 403],
  ["POST", `${core}/serviceaccounts/default/token`, { body: {} }, 403],
  ["DELETE", `${apps}/statefulsets/demo`, undefined, 403],
  ["GET", `${apps}/deployments/none`, undefined, 404],
  ["POST", `${rbac}/roles`, role(agentRules), 201],
  // Nobody grants what he does not have.
  ["POST", `${rbac}/roles`, role([{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }]), 403],
  ["POST", `${rbac}/roles`, role([{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]), 403],
  ["DELETE", `${rbac}/roles/granted`, undefined, 403],
  ["POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", role([]), 403],
  ["GET", `${leases}/slurm-operator/leases/slurm-operator`, undefined, 404],
  ["GET", `${leases}/slurm-operator/leases/another`, undefined, 403],
  ["GET", `${leases}/kube-system/leases/slurm-operator`, undefined, 403],
] as const)("with deploy/rbac/operator.yaml: %s %s", async (method, path, request, status) => {
  expect(await client.request(method, path, request)).toMatchObject({ status });
});

test("an operator that works with it is refused nothing, and writes no specification", async () => {
  const operator = await startOperatorProcess(inject("installation"), controlPlane, { token });
  const daemons = { slurmdbd: { template }, slurmrestd: { template } };
  const cluster = await createOperatedCluster(controlPlane, "role", {
    ...daemons,
    slurmctld: { template, sshService: { type: "ClusterIP" } },
    workerGroupSpecs: [{ groupName: "cpu", template, replicas: 2 }],
  });
  await cluster.untilWorkers([0, 1]);
  await cluster.setGroup({ podsToBeCreated: [3], podsToBeDeleted: [cluster.worker(1)] });
  await cluster.untilWorkers([0, 3]);
  await cluster.merge({ slurmdbd: null, slurmrestd: null, slurmctld: { sshService: null } });
  const service = `/api/v1/namespaces/${cluster.namespace}/services/role-ssh`;
  await waitFor(
    "the end of its Service",
    () => controlPlane.request("GET", service),
    ({ status }) => status === 404,
    60_000,
  );
  expect((await operator.end("SIGTERM")).exitCode).toBe(0);
  const own = (await controlPlane.auditEvents()).filter(({ userAgent }) => userAgent?.startsWith("slurm-operator/"));
  expect(own.length).toBeGreaterThan(20);
  expect(own.filter(({ responseStatus }) => responseStatus?.code === 403)).toEqual([]);
  const written = own.filter(
    ({ objectRef, verb }) => objectRef?.resource === "slurmclusters" && !["get", "list", "watch"].includes(verb),
  );
  expect(new Set(written.map(({ objectRef }) => objectRef?.subresource))).toEqual(new Set(["status"]));
});

test("with --namespace and rights in that namespace alone it serves that one", async () => {
  const watched = await createOperatedCluster(controlPlane, "one", { workerGroupSpecs: [] });
  const account = { kind: "ServiceAccount", name: "narrow", namespace: "slurm-operator" };
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "slurm-operator" };
  const bindings = `/apis/rbac.authorization.k8s.io/v1/namespaces/${watched.namespace}/rolebindings`;
  const body = { metadata: { name: "narrow" }, roleRef, subjects: [account] };
  await call(controlPlane.request, [201], "POST", bindings, { body });
  const forLease = { metadata: { name: "narrow" }, roleRef: { ...roleRef, kind: "Role" }, subjects: [account] };
  const leaseBindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/slurm-operator/rolebindings";
  await call(controlPlane.request, [201], "POST", leaseBindings, { body: forLease });
  const group = { groupName: "cpu", template, podsToBeCreated: [0] };
  const other = await createOperatedCluster(controlPlane, "two", { workerGroupSpecs: [group] });
  await watched.merge({ workerGroupSpecs: [group] });
  const narrow = await controlPlane.serviceAccountToken("slurm-operator", "narrow");
  const args = ["--namespace", watched.namespace];
  await startOperatorProcess(inject("installation"), controlPlane, { token: narrow, args });
  await watched.untilWorkers([0]);
  expect(await other.workers()).toEqual([]);
});
