import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { buildChildren } from "../../src/operator/build/children.ts";
import type { Manifest } from "../../src/operator/build/manifest.ts";
import { buildWorker } from "../../src/operator/build/worker.ts";
import { clusterOf, podTemplate } from "../support/operator-manifests.ts";
import { call } from "../support/stand-in-api.ts";

const folder = join(import.meta.dirname, "../unit/operator/golden");
const clusters = "/apis/kai.alibabacloud.com/v1/namespaces/hpc/slurmclusters";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  await controlPlane.createNamespace("hpc");
});
afterAll(() => controlPlane?.stop());

function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${metadata.namespace}/${kind.toLowerCase()}s/${metadata.name}`;
}

async function dryRun(manifest: Manifest) {
  const path = `${pathOf(manifest)}?dryRun=All&fieldManager=tests&force=true`;
  const contentType = "application/apply-patch+yaml";
  return await controlPlane.request("PATCH", path, { body: JSON.stringify(manifest), contentType });
}

test.each(await readdir(folder))("kube-apiserver takes %s, and keeps every field of it", async (file) => {
  const manifest = parse(await readFile(join(folder, file), "utf8")) as Manifest;
  const answer = await dryRun(manifest);
  expect(answer).toMatchObject({ status: 201 });
  expect(answer.body).toMatchObject(withoutEmptyLists(manifest) as object);
});

/** kube-apiserver leaves empty lists out. */
function withoutEmptyLists(manifest: Manifest): unknown {
  return JSON.parse(JSON.stringify(manifest), (_key, value: unknown) =>
    Array.isArray(value) && value.length === 0 ? undefined : value,
  );
}

test("and so it does with the scripts in them", async () => {
  const cluster = clusterOf({
    slurmctld: { template: podTemplate },
    slurmrestd: { template: podTemplate },
    slurmdbd: { template: podTemplate },
    workerGroupSpecs: [{ groupName: "cpu", template: podTemplate }],
  });
  const context = { clusterDomain: "cluster.local" };
  const [group] = cluster.groups;
  if (group === undefined) throw new Error("no group");
  for (const manifest of [...buildChildren(cluster, context).wanted, buildWorker(cluster, group, 0, true, context)]) {
    expect(await dryRun(manifest), manifest.kind).toMatchObject({ status: 201 });
  }
});

describe("the resource", () => {
  const create = (name: string, spec: object) =>
    controlPlane.request("POST", clusters, {
      body: { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", metadata: { name }, spec },
    });

  test("has defaults where the operator has them", async () => {
    const created = await create("defaults", {
      slurmctld: { sshService: {} },
      workerGroupSpecs: [{ groupName: "cpu" }],
    });
    expect(created).toMatchObject({
      status: 201,
      body: {
        spec: { slurmctld: { sshService: { type: "ClusterIP", port: 22 } }, workerGroupSpecs: [{ replicas: 0 }] },
      },
    });
  });

  test("of an older cluster stays valid, and what is not known survives a write of ours", async () => {
    const template = {
      metadata: { creationTimestamp: null },
      spec: { unheardOf: [1], containers: [{ name: "a", z: {} }] },
    };
    const group = {
      groupName: "cpu",
      workerCount: 2,
      podsToBeCreated: [3, 3, 1],
      podsToBeDeleted: ["older-worker-cpu-1", "older-worker-cpu-1", "stray"],
      template,
      scaleStrategy: { workersToDelete: [] },
    };
    const spec = {
      headGroupSpec: { serviceType: "ClusterIP", template },
      autoscalerOptions: { x: 1 },
      workerGroupSpecs: [group],
    };
    expect(await create("older", spec)).toMatchObject({ status: 201 });
    await call(controlPlane.request, [200], "PATCH", `${clusters}/older`, {
      body: [{ op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [4] }],
      contentType: "application/json-patch+json",
    });
    expect(await controlPlane.request("GET", `${clusters}/older`)).toMatchObject({
      body: { spec: { ...spec, workerGroupSpecs: [{ ...group, podsToBeCreated: [4] }] } },
    });
  });

  test.each<[string, object, string]>([
    ["a group's name that no Pod can bear", { workerGroupSpecs: [{ groupName: "CPU" }] }, "groupName"],
    ["one that is too long", { workerGroupSpecs: [{ groupName: "g".repeat(53) }] }, "groupName"],
    ["a group twice", { workerGroupSpecs: [{ groupName: "a" }, { groupName: "a" }] }, "Duplicate value"],
    ["a group without a name", { workerGroupSpecs: [{}] }, "groupName"],
    ["an index below 0", { workerGroupSpecs: [{ groupName: "a", podsToBeCreated: [-1] }] }, "podsToBeCreated"],
    ["a Service of no type", { slurmctld: { sshService: { type: "ExternalName" } } }, "sshService.type"],
  ])("%s is refused", async (_what, spec, said) => {
    const answer = await create("wrong", spec);
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain(said);
  });

  test("with a name too long for its Pods is refused", async () => {
    expect(await create("n".repeat(52), { workerGroupSpecs: [] })).toMatchObject({ status: 201 });
    expect(await create("n".repeat(53), { workerGroupSpecs: [] })).toMatchObject({ status: 422 });
  });

  test("is shown with the documented columns", async () => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const table = await controlPlane.request("GET", clusters, { accept });
    const { columnDefinitions } = table.body as { columnDefinitions: { name: string }[] };
    expect(columnDefinitions.map(({ name }) => name)).toEqual(["Name", "Available Workers", "Status", "Age"]);
  });
});
