import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, createApiClient } from "../../scripts/cluster/api-client.ts";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { applyAgentRole } from "../support/agent-role.ts";
import { findFreePorts } from "../support/free-ports.ts";

const clusters = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";
const jsonPatch = "application/json-patch+json";
const mergePatch = "application/merge-patch+json";

interface SlurmCluster {
  metadata: { name: string; generation: number };
  spec: { workerGroupSpecs: Record<string, unknown>[]; [field: string]: unknown };
}

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane?.stop());

async function create(name: string, spec: object): Promise<SlurmCluster> {
  const body = { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", metadata: { name }, spec };
  const answer = await controlPlane.request("POST", clusters, { body });
  expect(answer).toMatchObject({ status: 201 });
  return answer.body as SlurmCluster;
}

async function clientWithToken(token: string): Promise<ApiClient> {
  const ca = await readFile(controlPlane.caFile);
  return createApiClient({ url: controlPlane.url, ca, credentials: { token }, userAgent: "test-with-token" });
}

describe("the resource SlurmCluster", () => {
  test("a status write does not move the generation, a specification write does", async () => {
    const { metadata } = await create("generation", { workerGroupSpecs: [{ groupName: "cpu" }] });
    const path = `${clusters}/generation`;
    const status = { state: "ready", availableWorkerReplicas: 1, availableWorkers: ["generation-worker-cpu-0"] };
    const afterStatus = await controlPlane.request("PATCH", `${path}/status`, {
      body: { status },
      contentType: mergePatch,
    });
    expect(afterStatus).toMatchObject({ status: 200, body: { status, metadata: { generation: metadata.generation } } });
    const afterSpec = await controlPlane.request("PATCH", path, {
      body: [{ op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [0] }],
      contentType: jsonPatch,
    });
    expect(afterSpec).toMatchObject({
      status: 200,
      body: { status, metadata: { generation: metadata.generation + 1 } },
    });
  });

  test("a JSON patch whose test fails answers 422 without causes and changes nothing", async () => {
    const before = await create("failed-test", { workerGroupSpecs: [{ groupName: "cpu" }] });
    const answer = await controlPlane.request("PATCH", `${clusters}/failed-test`, {
      body: [
        { op: "test", path: "/metadata/generation", value: before.metadata.generation + 1 },
        { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [0] },
      ],
      contentType: jsonPatch,
    });
    expect(answer).toMatchObject({ status: 422, body: { reason: "Invalid" } });
    expect(answer.body).not.toHaveProperty("details.causes");
    expect((await controlPlane.request("GET", `${clusters}/failed-test`)).body).toEqual(before);
  });

  test("fields of older clusters and unknown ones survive; replicas is 0 by default", async () => {
    const group = { groupName: "cpu", workerCount: 3, template: { spec: { containers: [{ name: "slurmd", x: 1 }] } } };
    const spec = { headGroupSpec: { template: { y: [2] } }, slurmctld: { z: 3 }, workerGroupSpecs: [group] };
    await create("unknown-fields", spec);
    const patched = await controlPlane.request("PATCH", `${clusters}/unknown-fields`, {
      body: [{ op: "add", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: ["unknown-fields-worker-cpu-1"] }],
      contentType: jsonPatch,
    });
    expect((patched.body as SlurmCluster).spec).toEqual({
      ...spec,
      workerGroupSpecs: [{ ...group, replicas: 0, podsToBeDeleted: ["unknown-fields-worker-cpu-1"] }],
    });
  });

  test("duplicates, as the original agent writes them, can be stored and patched", async () => {
    await create("duplicates", { workerGroupSpecs: [{ groupName: "cpu", podsToBeCreated: [1, 1] }] });
    const answer = await controlPlane.request("PATCH", `${clusters}/duplicates`, {
      body: [{ op: "add", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: ["a", "a"] }],
      contentType: jsonPatch,
    });
    expect(answer).toMatchObject({ status: 200, body: { spec: { workerGroupSpecs: [{ podsToBeCreated: [1, 1] }] } } });
  });

  test.each([
    ["a group without a name", [{ replicas: 1 }]],
    ["two groups of one name", [{ groupName: "cpu" }, { groupName: "cpu" }]],
    ["negative replicas", [{ groupName: "cpu", replicas: -1 }]],
    ["replicas beyond int32", [{ groupName: "cpu", replicas: 2 ** 31 }]],
    ["a negative index", [{ groupName: "cpu", podsToBeCreated: [-1] }]],
    ["an index beyond int32", [{ groupName: "cpu", podsToBeCreated: [2 ** 31] }]],
    ["a number as Pod name", [{ groupName: "cpu", podsToBeDeleted: [1] }]],
  ])("%s is refused, with causes", async (_, workerGroupSpecs) => {
    const answer = await controlPlane.request("POST", clusters, {
      body: {
        apiVersion: "kai.alibabacloud.com/v1",
        kind: "SlurmCluster",
        metadata: { name: "refused" },
        spec: { workerGroupSpecs },
      },
    });
    expect(answer.status).toBe(422);
    // How many depends on the release.
    expect((answer.body as { details: { causes: unknown[] } }).details.causes).not.toEqual([]);
  });

  test("is listed with name, available workers, status and age", async () => {
    await create("columns", {});
    const answer = await controlPlane.request("GET", `${clusters}/columns`, {
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    });
    const { columnDefinitions } = answer.body as { columnDefinitions: { name: string }[] };
    expect(columnDefinitions.map((column) => column.name)).toEqual(["Name", "Available Workers", "Status", "Age"]);
  });
});

describe("the Role of deploy/rbac/agent.yaml", () => {
  let agent: ApiClient;
  beforeAll(async () => {
    await create("allowed", { workerGroupSpecs: [{ groupName: "cpu" }] });
    await create("forbidden", { workerGroupSpecs: [{ groupName: "cpu" }] });
    await applyAgentRole(controlPlane, { namespace: "default", cluster: "allowed" });
    agent = await clientWithToken(await controlPlane.serviceAccountToken("default", "allowed"));
  });
  afterAll(() => agent?.close());

  const patch = {
    body: [{ op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 1 }],
    contentType: jsonPatch,
  };
  test.each([
    ["GET", `${clusters}/allowed`, undefined, 200],
    ["PATCH", `${clusters}/allowed`, patch, 200],
    ["DELETE", `${clusters}/allowed`, undefined, 403],
    ["PATCH", `${clusters}/allowed/status`, { body: {}, contentType: mergePatch }, 403],
    ["GET", `${clusters}/forbidden`, undefined, 403],
    ["PATCH", `${clusters}/forbidden`, patch, 403],
    ["GET", clusters, undefined, 403],
    ["GET", "/api/v1/namespaces/default/pods", undefined, 403],
    ["POST", "/api/v1/namespaces/default/events", { body: {} }, 403],
  ] as const)("%s %s", async (method, path, request, status) => {
    expect(await agent.request(method, path, request)).toMatchObject({ status });
  });
});

describe("a control plane", () => {
  test("keeps everything in a folder that only its user may enter", async () => {
    expect((await stat(controlPlane.folder)).mode & 0o777).toBe(0o700);
    expect((await stat(controlPlane.adminKubeconfig)).mode & 0o777).toBe(0o600);
  });

  test("its kubeconfig works with kubectl", async (context) => {
    const { kubectl, adminKubeconfig } = controlPlane;
    if (kubectl === undefined) return context.skip("KUBEBUILDER_ASSETS holds no kubectl");
    const { stdout } = await promisify(execFile)(kubectl, [
      ...["--kubeconfig", adminKubeconfig],
      ...["get", "namespaces", "-o", "name"],
    ]);
    expect(stdout.split("\n")).toContain("namespace/default");
  });

  test("its certificate is not trusted without its authority", async () => {
    const client = createApiClient({ url: controlPlane.url, ca: Buffer.alloc(0), userAgent: "test-without-ca" });
    await expect(client.request("GET", "/readyz")).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE/) },
    });
  });

  test("a token works until it expires; nobody's requests and made-up tokens are refused", async () => {
    const statusWith = async (token: string): Promise<number> => {
      const client = await clientWithToken(token);
      const answer = await client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        body: { spec: { nonResourceAttributes: { path: "/", verb: "get" } } },
      });
      client.close();
      return answer.status;
    };
    expect(await statusWith(await controlPlane.serviceAccountToken("default", "tokens"))).toBe(201);
    expect(
      await statusWith(await controlPlane.serviceAccountToken("default", "tokens", { expirationSeconds: 60 })),
    ).toBe(201);
    expect(
      await statusWith(await controlPlane.serviceAccountToken("default", "tokens", { expirationSeconds: -90 })),
    ).toBe(401);
    expect(await statusWith("made.up.token")).toBe(401);
  });

  test("its audit log tells each request once, with user agent and verb", async () => {
    await create("audited", {});
    await controlPlane.request("GET", `${clusters}/audited`);
    const events = (await controlPlane.auditEvents()).filter((event) => event.requestURI === `${clusters}/audited`);
    expect(events).toMatchObject([
      { verb: "get", userAgent: "control-plane-admin", user: { username: "admin" }, responseStatus: { code: 200 } },
    ]);
  });

  test("pause() leaves requests unanswered until resume()", async () => {
    await controlPlane.pause();
    const answer = controlPlane.request("GET", "/api/v1/namespaces/default");
    const winner = await Promise.race([answer, delay(1000, "silence")]);
    controlPlane.resume();
    expect(winner).toBe("silence");
    expect(await answer).toMatchObject({ status: 200 });
  });

  test("stopApiserver() breaks connections; startApiserver() brings back port and data", async () => {
    await create("survivor", {});
    const before = controlPlane.pids();
    await controlPlane.stopApiserver();
    expect(controlPlane.pids()).toEqual([before[0]]);
    await expect(controlPlane.request("GET", clusters)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
    await controlPlane.startApiserver();
    expect(await controlPlane.request("GET", `${clusters}/survivor`)).toMatchObject({ status: 200 });
  });
});

test("takes another port when somebody takes the chosen one while it starts", async () => {
  const chosen = await findFreePorts(1, () => 0.5);
  const other = createServer();
  const numbers = [0.5];
  const started = await startControlPlane({
    random: () => {
      // Later than the look at the port, which takes a millisecond, and before kube-apiserver's own start.
      if (numbers.length === 1) setTimeout(() => other.listen(chosen, "127.0.0.1"), 30);
      return numbers.pop() ?? Math.random();
    },
  });
  try {
    expect(other.address()).toMatchObject({ port: chosen });
    expect(started.port).not.toBe(chosen);
  } finally {
    await started.stop();
    other.close();
  }
});

test("control planes run side by side and leave nothing behind", async () => {
  const both = await Promise.all([startControlPlane(), startControlPlane()]);
  const [a, b] = both;
  try {
    expect(a.port).not.toBe(b.port);
    await a.createNamespace("only-in-a");
    expect(await b.request("GET", "/api/v1/namespaces/only-in-a")).toMatchObject({ status: 404 });
    // A stopped process must go away too.
    await a.pause();
  } finally {
    const pids = both.flatMap((each) => each.pids());
    expect(pids).toHaveLength(4);
    await Promise.all(both.map((each) => each.stop()));
    expect(pids.filter(isRunning)).toEqual([]);
    expect(both.filter((each) => existsSync(each.folder))).toEqual([]);
    await a.stop();
  }
});

test.each([
  ["SIGINT", false],
  ["SIGTERM", false],
  // Nobody can remove the folder then, yet no program is left running.
  ["SIGKILL", true],
] as const)("no program is left when its process dies of %s", async (signal, folderStays) => {
  const module = join(import.meta.dirname, "../../scripts/cluster/control-plane.ts");
  const program = `
    const { startControlPlane } = await import(${JSON.stringify(module)});
    const controlPlane = await startControlPlane();
    console.log(JSON.stringify({ folder: controlPlane.folder, pids: controlPlane.pids() }));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { folder, pids } = JSON.parse(line.toString()) as { folder: string; pids: number[] };
  expect(pids.map(isRunning)).toEqual([true, true]);
  child.kill(signal);
  expect(await once(child, "exit")).toEqual([null, signal]);
  await expect.poll(() => pids.filter(isRunning), { timeout: 5000 }).toEqual([]);
  expect(existsSync(folder)).toBe(folderStays);
  await rm(folder, { recursive: true, force: true });
});

/** False also for a zombie: nobody may be there to reap it. */
function isRunning(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z /.test(readFileSync(path, "utf8"));
}
