import { expect, test } from "vitest";
import type { ObservedPod } from "../../../src/operator/observed-pod.ts";
import { planWorkers } from "../../../src/operator/plan-workers.ts";
import { buildStatus } from "../../../src/operator/status.ts";
import { clusterOf, observedWorker, podTemplate } from "../../support/operator-manifests.ts";

const NOW = 1_000_000;
const head = observedWorker(0, { name: "demo-0", type: "head", owner: "statefulset", uid: "head" });
const daemon = (type: "slurmdbd" | "slurmrestd", suffix: string, changes: Partial<ObservedPod> = {}) =>
  observedWorker(0, { name: `demo-${type}-${suffix}`, type, owner: "replicaset", uid: suffix, ...changes });
const failure = (since: number, code: "ImagePullBackOff" | "Unschedulable" = "Unschedulable") => ({
  failure: { code, message: `${code}: 0/3 nodes are available`, since },
});
const pending = (index: number, changes: Partial<ObservedPod> = {}) =>
  observedWorker(index, { phase: "Pending", ready: false, created: NOW, ...changes });

function statusOf(
  created: readonly number[],
  pods: readonly ObservedPod[],
  refusals: readonly string[] = [],
  spec = {},
) {
  const group = { groupName: "cpu", template: podTemplate, podsToBeCreated: created };
  const cluster = clusterOf({ slurmctld: { template: podTemplate }, workerGroupSpecs: [group], ...spec });
  return buildStatus({ cluster, pods, plan: planWorkers(cluster, pods), refusals, now: NOW });
}

/** With slurmdbd and slurmrestd, and a head that is ready. */
const withDaemons = (pods: readonly ObservedPod[], spec: object = {}) =>
  statusOf([], [head, ...pods], [], {
    slurmdbd: { template: podTemplate },
    slurmrestd: { template: podTemplate },
    ...spec,
  });

test.each<[string, ReturnType<typeof statusOf>, string, string]>([
  ["all ready", statusOf([0], [head, observedWorker(0)]), "ready", ""],
  ["no head yet", statusOf([], []), "progressing", "demo-0 is not there yet"],
  [
    "a head of somebody else does not count",
    statusOf([], [{ ...head, type: "worker" }]),
    "progressing",
    "demo-0 is not there yet",
  ],
  ["a young head", statusOf([], [{ ...head, ready: false, created: NOW - 1000 }]), "progressing", "demo-0 is Running"],
  [
    "a head that is not ready for long",
    statusOf([], [{ ...head, ready: false, created: NOW - 61_000 }]),
    "unhealthy",
    "demo-0 is not ready",
  ],
  [
    "a head that fails",
    statusOf([], [{ ...head, ready: false, ...failure(NOW - 61_000) }]),
    "unhealthy",
    "demo-0: Unschedulable: 0/3 nodes are available",
  ],
  ["a head that is stopped", statusOf([], [], [], { slurmctld: { replicas: 0, template: podTemplate } }), "ready", ""],
  ["slurmdbd and slurmrestd ready", withDaemons([daemon("slurmdbd", "a"), daemon("slurmrestd", "b")]), "ready", ""],
  [
    "no slurmdbd yet",
    withDaemons([daemon("slurmrestd", "b")]),
    "progressing",
    "a Pod of demo-slurmdbd is not there yet",
  ],
  [
    "a young slurmrestd",
    withDaemons([daemon("slurmdbd", "a"), daemon("slurmrestd", "b", { ready: false, created: NOW - 1000 })]),
    "progressing",
    "demo-slurmrestd-b is Running",
  ],
  [
    "one of two",
    withDaemons([daemon("slurmdbd", "a"), daemon("slurmrestd", "b")], {
      slurmrestd: { replicas: 2, template: podTemplate },
    }),
    "progressing",
    "a Pod of demo-slurmrestd is not there yet",
  ],
  [
    "a slurmdbd that fails, told of before those that are only late",
    statusOf(
      [],
      [
        { ...head, ready: false },
        daemon("slurmdbd", "a", { ready: false }),
        daemon("slurmdbd", "b", { ready: false, ...failure(NOW - 61_000, "ImagePullBackOff") }),
      ],
      [],
      { slurmdbd: { template: podTemplate } },
    ),
    "unhealthy",
    "demo-slurmdbd-b: ImagePullBackOff: 0/3 nodes are available",
  ],
  [
    "one that has just begun to fail",
    withDaemons([daemon("slurmdbd", "a", { ready: false, ...failure(NOW - 1000) }), daemon("slurmrestd", "b")]),
    "progressing",
    "demo-slurmdbd-a: Unschedulable: 0/3 nodes are available",
  ],
  [
    "slurmdbd that is not ready for long, told of before the head that waits for it",
    statusOf([], [{ ...head, ready: false }, daemon("slurmdbd", "a", { ready: false })], [], {
      slurmdbd: { template: podTemplate },
    }),
    "unhealthy",
    "demo-slurmdbd-a is not ready",
  ],
  [
    "Pods of theirs that have ended or go, with others in their place",
    withDaemons([
      daemon("slurmdbd", "a", { phase: "Failed", ready: false, ...failure(0) }),
      daemon("slurmdbd", "b"),
      daemon("slurmrestd", "c", { deleted: NOW, ready: false, ...failure(0) }),
      daemon("slurmrestd", "d"),
    ]),
    "ready",
    "",
  ],
  [
    "a slurmrestd that is stopped, or not asked for any more",
    withDaemons([daemon("slurmdbd", "a", { ready: false, ...failure(0) })], {
      slurmdbd: null,
      slurmrestd: { replicas: 0, template: podTemplate },
    }),
    "ready",
    "",
  ],
  [
    "a worker not made yet",
    statusOf([0, 1], [head, observedWorker(0)]),
    "progressing",
    "1 of 2 workers are not ready; demo-worker-cpu-1 is not there yet",
  ],
  [
    "a worker that has just begun to fail",
    statusOf([0], [head, pending(0, failure(NOW - 1000))]),
    "progressing",
    "1 of 1 workers are not ready; demo-worker-cpu-0: Unschedulable: 0/3 nodes are available",
  ],
  [
    "the first of those that fail for long",
    statusOf([2, 10], [head, pending(10, failure(0)), pending(2, failure(0, "ImagePullBackOff"))]),
    "unhealthy",
    "demo-worker-cpu-2: ImagePullBackOff: 0/3 nodes are available",
  ],
  [
    "one that fails and is not wanted",
    statusOf([], [head, pending(2, { ...failure(0), powerManaged: true })]),
    "ready",
    "",
  ],
  [
    "a wanted one that goes",
    statusOf([0], [head, observedWorker(0, { deleted: NOW })]),
    "progressing",
    "1 of 1 workers are not ready; demo-worker-cpu-0 is being deleted",
  ],
  [
    "an unwanted one that goes",
    statusOf([], [head, observedWorker(4, { deleted: NOW })]),
    "progressing",
    "1 workers are being deleted; demo-worker-cpu-4 first",
  ],
  [
    "a refusal",
    statusOf([0], [head], ["cannot create Pod demo-worker-cpu-0: no quota", "more"]),
    "unhealthy",
    "cannot create Pod demo-worker-cpu-0: no quota",
  ],
  [
    "an invalid specification",
    statusOf([0], [head, observedWorker(0)], ["x"], { workerGroupSpecs: null }),
    "failed",
    "workerGroupSpecs is missing; to have no workers, write an empty list",
  ],
])("%s", (_what, { reason, state }, expectedState, expectedReason) => {
  expect({ state, reason }).toEqual({ state: expectedState, reason: expectedReason });
});

test("available are this cluster's own workers that are ready and stay, by number", () => {
  const pods = [10, 9, 2].map((index) => observedWorker(index));
  const others = [
    observedWorker(1, { ready: false }),
    observedWorker(3, { deleted: 1 }),
    observedWorker(4, { owner: "other" }),
    head,
  ];
  expect(statusOf([2], [...pods, ...others])).toMatchObject({
    availableWorkers: ["demo-worker-cpu-2", "demo-worker-cpu-9", "demo-worker-cpu-10"],
    availableWorkerReplicas: 3,
    observedGeneration: 3,
  });
});

test("a reason has an end", () => expect(statusOf([], [], ["x".repeat(5000)]).reason).toHaveLength(1000));
