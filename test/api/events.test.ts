import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { findConnection } from "../../src/kubernetes/connection.ts";
import { createEventRecorder } from "../../src/kubernetes/events.ts";
import { podFiles } from "../../src/kubernetes/in-cluster.ts";
import { createApi } from "../../src/kubernetes/request.ts";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
});
afterAll(() => controlPlane.stop());

async function recorder(namespace: string, problems: string[] = []) {
  const connection = await findConnection({ kubeconfig: controlPlane.adminKubeconfig, env: {}, podFiles });
  const clock = { now: Date.now() };
  const record = createEventRecorder({
    api: createApi(connection, { userAgent: "events", now: Date.now }),
    object: { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", namespace, name: "demo", uid: "u1" },
    component: "slurmctld-copilot",
    now: () => clock.now,
    random: Math.random,
    onProblem: (message) => problems.push(message),
  });
  return { record, clock };
}

async function events(namespace: string): Promise<{ reason: string; count: number; message: string; type: string }[]> {
  const { body } = await controlPlane.request(
    "GET",
    `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.uid%3Du1`,
  );
  return (body as { items: { reason: string; count: number; message: string; type: string }[] }).items;
}

test("the same words within ten minutes are counted up in one Event, others and later ones are told anew", async () => {
  const { record, clock } = await recorder("default");
  const down = {
    type: "Warning",
    reason: "PodDeleted",
    message: `set-down demo-worker-cpu-0: ${"x".repeat(2000)}`,
  } as const;
  await record(down);
  await record(down);
  await record({ type: "Normal", reason: "LeakedPod", message: "suspend demo-worker-cpu-1" });
  clock.now += 601_000;
  await record(down);
  const found = (await events("default")).map(({ type, reason, count }) => `${type} ${reason} ${count}`).sort();
  expect(found).toEqual(["Normal LeakedPod 1", "Warning PodDeleted 1", "Warning PodDeleted 2"]);
});

test("an API that does not take them costs one line, and they go on when it does", async () => {
  const problems: string[] = [];
  const { record } = await recorder("later", problems);
  const text = { type: "Normal", reason: "LostResume", message: "resume demo-worker-cpu-0" } as const;
  await record(text);
  await record(text);
  expect(problems).toEqual([
    expect.stringMatching(/^Events cannot be recorded: POST .*\/namespaces\/later\/events: 404 /),
  ]);
  await controlPlane.createNamespace("later");
  await record(text);
  expect(await events("later")).toMatchObject([{ reason: "LostResume", count: 1 }]);
});
