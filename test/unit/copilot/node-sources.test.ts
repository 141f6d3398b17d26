import { join } from "node:path";
import { expect, test } from "vitest";
import { readNodeSources } from "../../../src/copilot/inspect/node-sources.ts";
import type { Api } from "../../../src/kubernetes/request.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("only what can be a Pod's name gets into a path of the API", async () => {
  const asked: string[] = [];
  const api: Api = async ({ path }) => {
    asked.push(path);
    return path.includes("/events?") ? { metadata: { resourceVersion: "1" }, items: [] } : { metadata: {} };
  };
  const folder = temporaryFolder();
  const logs = { resumeLog: join(folder, "resume.log"), suspendLog: join(folder, "suspend.log") };
  const names = ["demo-worker-cpu-0", "../secrets/token", "x?watch=true", "a,involvedObject.name!=b", "A_1", ""];
  const sources = await readNodeSources(names, {
    api,
    cluster: { namespace: "hpc", name: "demo" },
    settings: logs,
    signal: AbortSignal.timeout(10_000),
  });
  const [pods, events] = [
    asked.filter((path) => path.includes("/pods")),
    asked.filter((path) => path.includes("/events")),
  ];
  expect(pods).toEqual(["/api/v1/namespaces/hpc/pods/demo-worker-cpu-0"]);
  expect(events.map((path) => new URLSearchParams(path.replace(/.*\?/, "")).get("fieldSelector")).sort()).toEqual([
    "involvedObject.kind=Pod,involvedObject.name=demo-worker-cpu-0",
    "involvedObject.kind=SlurmCluster,involvedObject.name=demo",
  ]);
  expect([...sources.pods.keys()]).toEqual(["demo-worker-cpu-0"]);
  expect(sources.problems).toEqual([]);
});
