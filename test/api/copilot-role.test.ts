import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type ApiClient, createApiClient } from "../../scripts/cluster/api-client.ts";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { Connection } from "../../src/kubernetes/connection.ts";
import { createApi } from "../../src/kubernetes/request.ts";
import { type SlurmCluster, slurmClusterCollection, toSlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";
import { createStreams } from "../../src/kubernetes/stream.ts";
import { watchObjects } from "../../src/kubernetes/watch.ts";
import { applyCopilotRole } from "../support/agent-role.ts";
import { type ClusterResource, createClusterResource } from "../support/cluster-resource.ts";
import { waitFor } from "../support/wait-for.ts";

const core = "/api/v1/namespaces/default";
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const clusters = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";

let controlPlane: ControlPlane;
let ours: ClusterResource;
let other: ClusterResource;
let client: ApiClient;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  other = await createClusterResource(controlPlane, "other", [{ groupName: "cpu", replicas: 0 }]);
  ours = await createClusterResource(controlPlane, "ours", [{ groupName: "cpu", replicas: 0 }]);
  await applyCopilotRole(controlPlane, { namespace: "default", cluster: "ours" });
  await controlPlane.request("POST", `${core}/pods`, {
    body: { metadata: { name: "pod" }, spec: { containers: [{ name: "slurmd", image: "slurmd" }] } },
  });
  const ca = await readFile(controlPlane.caFile);
  client = createApiClient({ url: controlPlane.url, ca, credentials: { token: ours.token }, userAgent: "copilot" });
});
afterAll(async () => {
  client?.close();
  await controlPlane?.stop();
});

const event = {
  metadata: { name: "decided", namespace: "default" },
  involvedObject: { kind: "SlurmCluster", name: "ours", namespace: "default" },
};
const merge = { body: { count: 2 }, contentType: "application/merge-patch+json" };

// In this order: what is created in one line is read in another.
test.each([
  ["GET", `${clusters}?fieldSelector=metadata.name%3Dours`, undefined, 200],
  ["GET", `${clusters}?fieldSelector=metadata.name%3Dother`, undefined, 403],
  ["GET", clusters, undefined, 403],
  ["GET", `${core}/pods`, undefined, 200],
  ["PATCH", `${core}/pods/pod`, { body: {}, contentType: "application/merge-patch+json" }, 403],
  ["POST", `${core}/pods`, { body: {} }, 403],
  ["DELETE", `${core}/pods`, undefined, 403],
  ["DELETE", `${core}/pods/pod`, { body: { preconditions: { uid: "another" } } }, 409],
  ["DELETE", `${core}/pods/pod`, undefined, 200],
  ["POST", `${core}/events`, { body: event }, 201],
  ["PATCH", `${core}/events/decided`, merge, 200],
  ["GET", `${core}/events`, undefined, 200],
  ["GET", `${core}/events/decided`, undefined, 403],
  ["POST", leases, { body: { metadata: { name: "ours-copilot" } } }, 201],
  ["GET", `${leases}/ours-copilot`, undefined, 200],
  ["GET", `${leases}/other-copilot`, undefined, 403],
  ["DELETE", `${leases}/ours-copilot`, undefined, 403],
  ["GET", `${core}/secrets`, undefined, 403],
] as const)("with deploy/rbac: %s %s", async (method, path, request, status) => {
  expect(await client.request(method, path, request)).toMatchObject({ status });
});

describe("the SlurmCluster", () => {
  test("is watched by name, and of its Pod templates only what runs slurmd is kept; another one is not seen", async () => {
    const template = { spec: { containers: [{ name: "slurmd", image: "slurmd" }] } };
    await ours.patch([{ op: "add", path: "/spec/workerGroupSpecs/0/template", value: template }]);
    const ca = await readFile(controlPlane.caFile, "utf8");
    const connection: Connection = {
      origin: controlPlane.url,
      host: "127.0.0.1",
      port: controlPlane.port,
      basePath: "",
      credentials: async () => ({ ca, headers: { Authorization: `Bearer ${ours.token}` } }),
    };
    const ending = new AbortController();
    let changes = 0;
    const watched = watchObjects<SlurmCluster>({
      api: createApi(connection, { userAgent: "copilot", now: Date.now }),
      openStream: createStreams(connection, { userAgent: "copilot", now: Date.now }),
      collection: slurmClusterCollection({ namespace: "default", name: "ours" }),
      reduce: toSlurmCluster,
      onChange: () => {
        changes += 1;
      },
      now: Date.now,
      random: Math.random,
      sleep: (milliseconds) => delay(milliseconds),
      signal: ending.signal,
    });
    onTestFinished(async () => {
      ending.abort();
      await watched.ended;
    });
    await watched.ready;
    expect([...watched.objects.keys()]).toEqual(["ours"]);
    const before = changes;
    await other.patch([{ op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [9] }]);
    await ours.patch([{ op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [1] }]);
    await ours.writeStatus({ availableWorkers: ["ours-worker-cpu-1"] });
    const { metadata } = await ours.read();
    await waitFor(
      "both changes",
      () => watched.objects.get("ours"),
      (seen) => seen?.status?.availableWorkers?.length === 1,
      3000,
    );
    expect([...watched.objects.values()]).toEqual([
      {
        metadata: { name: "ours", namespace: "default", uid: metadata.uid, generation: metadata.generation },
        spec: {
          workerGroupSpecs: [
            {
              ...{ groupName: "cpu", replicas: 0, workerCount: null, podsToBeCreated: [1], podsToBeDeleted: [] },
              slurmdContainer: "slurmd",
            },
          ],
        },
        status: { availableWorkers: ["ours-worker-cpu-1"], observedGeneration: null, reason: null },
      },
    ]);
    expect(changes - before).toBeLessThanOrEqual(2);
  });
});
