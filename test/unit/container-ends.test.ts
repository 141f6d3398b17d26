import { expect, test } from "vitest";
import { makeSnapshot } from "../../src/copilot/snapshot.ts";
import { containerEnds } from "../../src/kubernetes/container-ends.ts";
import { toSlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";
import { toWorkerPod } from "../../src/kubernetes/worker-pods.ts";

const running = { running: { startedAt: "2026-03-01T10:05:32Z" } };
const backOff = { waiting: { reason: "CrashLoopBackOff" } };
const end = (exitCode: number, reason: string) => ({
  terminated: { exitCode, reason, finishedAt: "2026-03-01T10:05:30Z" },
});
const killed = {
  container: "slurmd",
  at: Date.parse("2026-03-01T10:05:30Z"),
  outOfMemory: false,
  message: "Error: exit code 137",
};
const slurmd = (state: object, more: object = {}) => ({
  name: "slurmd",
  restartCount: 0,
  state,
  lastState: {},
  ...more,
});
const exporter = { name: "exporter", restartCount: 4, state: running, lastState: end(1, "Error") };

test.each<[string, object, object | undefined]>([
  ["runs", slurmd(running), undefined],
  ["was never started", slurmd({ waiting: { reason: "ContainerCreating" } }), undefined],
  ["has just ended", slurmd(end(137, "Error")), { count: 1, ...killed }],
  [
    "waits to be started again",
    slurmd(backOff, { restartCount: 1, lastState: end(137, "Error") }),
    { count: 2, ...killed },
  ],
  ["was started again", slurmd(running, { restartCount: 2, lastState: end(137, "Error") }), { count: 2, ...killed }],
  [
    "needed too much memory",
    slurmd(running, { restartCount: 1, lastState: end(137, "OOMKilled") }),
    { count: 1, ...killed, outOfMemory: true, message: "OOMKilled: exit code 137" },
  ],
  [
    "was started again, and the kubelet has forgotten why",
    slurmd(running, { restartCount: 1 }),
    { container: "slurmd", count: 1, outOfMemory: false, message: "Error: exit code unknown" },
  ],
  [
    "the kubelet could not find, which is no word of an end",
    slurmd(running, { restartCount: 1, lastState: end(137, "ContainerStatusUnknown") }),
    undefined,
  ],
])("of a container that %s", (_title, status, ends) => {
  const others = containerEnds({ containerStatuses: [exporter] });
  expect(others).toMatchObject([{ container: "exporter", count: 4 }]);
  expect(containerEnds({ containerStatuses: [exporter, status] })).toEqual(
    ends === undefined ? others : [...others, ends],
  );
});

test("of a Pod that has no status yet", () => {
  expect(containerEnds({})).toEqual([]);
});

test.each<[string, object | undefined, object | undefined]>([
  ["first in its template, wherever it stands in the Pod", { containers: [{ name: "exporter" }] }, { count: 4 }],
  ["another one", { containers: [{ name: "slurmd" }, { name: "exporter" }] }, undefined],
  ["not known, as there is no template", undefined, undefined],
])("a worker's are those of the container that is %s", (_title, spec, ends) => {
  const status = { phase: "Running", containerStatuses: [slurmd(running), exporter] };
  const pod = toWorkerPod({ metadata: { name: "demo-worker-cpu-0", uid: "6f1c" }, status }, 0);
  const resource = toSlurmCluster({
    metadata: { name: "demo", namespace: "hpc", uid: "u", generation: 1 },
    spec: { workerGroupSpecs: [{ groupName: "cpu", template: { spec } }] },
  });
  if (pod === undefined || resource === undefined) throw new Error("not read");
  const pods = new Map([[pod.name, pod]]);
  const { workers } = makeSnapshot({ resource, pods, nodes: new Map(), shortestSuspendTimeout: 30 });
  const found = workers.get(pod.name)?.slurmdEnds;
  if (ends === undefined) expect(found).toBeUndefined();
  else expect(found).toMatchObject(ends);
});
