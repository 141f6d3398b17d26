import { describe, expect, test } from "vitest";
import type { PodFailure } from "../../src/kubernetes/pod-failure.ts";
import { toWorkerPod, workerPods } from "../../src/kubernetes/worker-pods.ts";

const time = (text: string) => Date.parse(`2026-03-01T${text}Z`);
const stamp = (text: string) => `2026-03-01T${text}Z`;
const now = time("12:00:00");

const metadata = {
  name: "demo-worker-cpu-3",
  namespace: "default",
  uid: "6f1c",
  resourceVersion: "811",
  creationTimestamp: stamp("10:00:00"),
  labels: { "kai.alibabacloud.com/slurm-node-type": "worker" },
};
const condition = (type: string, status: string, at: string, more: object = {}) => ({
  type,
  status,
  lastProbeTime: null,
  lastTransitionTime: stamp(at),
  ...more,
});
const scheduled = condition("PodScheduled", "True", "10:00:01");
const notReady = ["Ready", "ContainersReady"].map((type) =>
  condition(type, "False", "10:00:02", { reason: "ContainersNotReady", message: "containers with unready status" }),
);
const container = (state: object, more: object = {}) => ({
  name: "slurmd",
  image: "registry.example/slurmd:22.05",
  imageID: "",
  ready: false,
  restartCount: 0,
  state,
  lastState: {},
  ...more,
});
const pending = (state: object, more: object = {}) => ({
  phase: "Pending",
  conditions: [condition("Initialized", "True", "10:00:01"), ...notReady, scheduled],
  containerStatuses: [container(state)],
  ...more,
});
const terminated = (exitCode: number, reason: string, more: object = {}) => ({
  terminated: { exitCode, reason, startedAt: stamp("10:05:00"), finishedAt: stamp("10:05:30"), ...more },
});
/** Of a failure that does not say when it began. */
const notReadyFrom = (at: string) => ({ since: time(at), isEarliest: true }) as const;
const failureOf = (status: object) => toWorkerPod({ metadata, status }, now)?.failure;

describe("what works has no failure", () => {
  test("a Pod that runs and is ready", () => {
    const status = {
      phase: "Running",
      conditions: [scheduled, condition("Ready", "True", "10:00:30"), condition("ContainersReady", "True", "10:00:30")],
      containerStatuses: [container({ running: { startedAt: stamp("10:00:20") } }, { ready: true, started: true })],
      podIP: "10.1.2.3",
      startTime: stamp("10:00:01"),
    };
    expect(toWorkerPod({ apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [] }, status }, now)).toEqual({
      name: "demo-worker-cpu-3",
      uid: "6f1c",
      phase: "Running",
      ready: true,
      created: time("10:00:00"),
      accepted: time("10:00:01"),
    });
  });

  test.each([
    ["just created", { phase: "Pending", qosClass: "BestEffort" }],
    ["without a status yet", null],
    ["being pulled", pending({ waiting: { reason: "ContainerCreating" } })],
    ["waiting for its init container", pending({ waiting: { reason: "PodInitializing" } })],
    ["restarted after a crash", pending({ running: {} }, { phase: "Running" })],
    ["ended well", { phase: "Succeeded", containerStatuses: [container(terminated(0, "Completed"))] }],
  ])("a Pod %s", (_what, status) => {
    expect(toWorkerPod({ metadata, status }, now)).toMatchObject({ name: metadata.name, ready: false });
    expect(toWorkerPod({ metadata, status }, now)).not.toHaveProperty("failure");
  });
});

describe("a failure is told by code, reason and time", () => {
  test.each<[string, object, PodFailure]>([
    [
      "no node has room",
      {
        phase: "Pending",
        conditions: [
          condition("PodScheduled", "False", "10:00:05", {
            reason: "Unschedulable",
            message: "0/3 nodes are available:\n 3 Insufficient cpu.",
          }),
        ],
      },
      {
        code: "Unschedulable",
        message: "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.",
        since: time("10:00:05"),
      },
    ],
    [
      "held back by a scheduling gate",
      { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
      { code: "Unschedulable", message: "SchedulingGated", since: time("10:00:00") },
    ],
    [
      "an image that is not there",
      pending({ waiting: { reason: "ImagePullBackOff", message: 'Back-off pulling image "slurmd:nope"' } }),
      {
        code: "ImagePullBackOff",
        message: 'ImagePullBackOff: Back-off pulling image "slurmd:nope"',
        ...notReadyFrom("10:00:02"),
      },
    ],
    [
      "the try between two back-offs",
      pending({ waiting: { reason: "ErrImagePull", message: "rpc error: code = NotFound" } }),
      { code: "ImagePullBackOff", message: "ErrImagePull: rpc error: code = NotFound", ...notReadyFrom("10:00:02") },
    ],
    [
      "an image name that is none",
      pending({ waiting: { reason: "InvalidImageName", message: "couldn't parse" } }),
      { code: "ImagePullBackOff", message: "InvalidImageName: couldn't parse", ...notReadyFrom("10:00:02") },
    ],
    [
      "an init container's image",
      pending(
        { waiting: { reason: "PodInitializing" } },
        { initContainerStatuses: [container({ waiting: { reason: "ErrImageNeverPull" } })] },
      ),
      { code: "ImagePullBackOff", message: "ErrImageNeverPull", ...notReadyFrom("10:00:02") },
    ],
    [
      "a container that crashes again and again",
      {
        phase: "Running",
        conditions: [scheduled, condition("ContainersReady", "False", "10:05:31")],
        containerStatuses: [
          container(
            { waiting: { reason: "CrashLoopBackOff", message: "back-off 5m0s restarting failed container" } },
            { restartCount: 7, lastState: terminated(1, "Error") },
          ),
        ],
      },
      {
        code: "CrashLoopBackOff",
        message: "CrashLoopBackOff: back-off 5m0s restarting failed container",
        ...notReadyFrom("10:05:31"),
        lastEnd: time("10:05:30"),
      },
    ],
    [
      "the same, without conditions",
      {
        phase: "Running",
        containerStatuses: [
          container({ waiting: { reason: "CrashLoopBackOff" } }, { lastState: terminated(1, "Error") }),
        ],
      },
      {
        code: "CrashLoopBackOff",
        message: "CrashLoopBackOff",
        ...notReadyFrom("10:05:30"),
        lastEnd: time("10:05:30"),
      },
    ],
    [
      "a container that is killed for its memory again and again",
      pending(
        { waiting: { reason: "CrashLoopBackOff", message: "back-off 20s restarting failed container" } },
        {
          phase: "Running",
          containerStatuses: [
            container(
              { waiting: { reason: "CrashLoopBackOff", message: "back-off 20s restarting failed container" } },
              { lastState: terminated(137, "OOMKilled") },
            ),
          ],
        },
      ),
      {
        code: "OOMKilled",
        message: "OOMKilled: back-off 20s restarting failed container",
        ...notReadyFrom("10:00:02"),
        lastEnd: time("10:05:30"),
      },
    ],
    [
      "preempted by the kubelet for a critical Pod",
      { phase: "Failed", reason: "Preempting", message: "Preempted in order to admit critical pod" },
      {
        code: "Preempted",
        message: "Preempting: Preempted in order to admit critical pod",
        ...notReadyFrom("10:00:00"),
      },
    ],
    [
      "a ConfigMap that is missing",
      pending({ waiting: { reason: "CreateContainerConfigError", message: 'configmap "slurm" not found' } }),
      {
        code: "CreateContainerError",
        message: 'CreateContainerConfigError: configmap "slurm" not found',
        ...notReadyFrom("10:00:02"),
      },
    ],
    [
      "a command that is missing",
      pending({ waiting: { reason: "RunContainerError", message: "exec: slurmd: not found" } }),
      {
        code: "CreateContainerError",
        message: "RunContainerError: exec: slurmd: not found",
        ...notReadyFrom("10:00:02"),
      },
    ],
    [
      "evicted by the kubelet",
      {
        phase: "Failed",
        reason: "Evicted",
        message: "The node was low on resource: memory.",
        startTime: stamp("10:00:00"),
      },
      { code: "Evicted", message: "Evicted: The node was low on resource: memory.", ...notReadyFrom("10:00:00") },
    ],
    [
      "evicted, by a kubelet that says when",
      {
        phase: "Failed",
        reason: "Evicted",
        message: "The node had condition: [DiskPressure].",
        conditions: [condition("DisruptionTarget", "True", "11:00:00", { reason: "TerminationByKubelet" })],
      },
      { code: "Evicted", message: "Evicted: The node had condition: [DiskPressure].", since: time("11:00:00") },
    ],
    [
      "a node that is unreachable",
      {
        phase: "Running",
        reason: "NodeLost",
        message: "Node n1 which was running pod demo-worker-cpu-3 is unresponsive",
        conditions: [scheduled, condition("Ready", "False", "11:10:00")],
      },
      {
        code: "NodeLost",
        message: "NodeLost: Node n1 which was running pod demo-worker-cpu-3 is unresponsive",
        ...notReadyFrom("11:10:00"),
      },
    ],
    [
      "a node that was shut down",
      { phase: "Failed", reason: "Terminated", message: "Pod was terminated in response to imminent node shutdown." },
      {
        code: "NodeLost",
        message: "Terminated: Pod was terminated in response to imminent node shutdown.",
        ...notReadyFrom("10:00:00"),
      },
    ],
    [
      "a node that exists no more",
      {
        phase: "Failed",
        conditions: [
          condition("DisruptionTarget", "True", "11:20:00", {
            reason: "DeletionByPodGC",
            message: "PodGC: node no longer exists",
          }),
        ],
      },
      { code: "NodeLost", message: "NodeLost: PodGC: node no longer exists", since: time("11:20:00") },
    ],
    [
      "a phase that nobody knows",
      { phase: "Unknown" },
      { code: "NodeLost", message: "NodeLost", ...notReadyFrom("10:00:00") },
    ],
    [
      "a container that was killed for its memory, and is not restarted",
      { phase: "Failed", conditions: notReady, containerStatuses: [container(terminated(137, "OOMKilled"))] },
      { code: "OOMKilled", message: "OOMKilled: exit code 137", since: time("10:05:30") },
    ],
    [
      "the container that failed, not the one that ended well",
      {
        phase: "Failed",
        containerStatuses: [
          container(terminated(0, "Completed", { finishedAt: stamp("10:01:00") }), { name: "munge" }),
          container(terminated(2, "Error", { message: "slurmd: fatal:\n no node name" })),
        ],
      },
      { code: "PodFailed", message: "Error: exit code 2 slurmd: fatal: no node name", since: time("10:05:30") },
    ],
    [
      "refused by the kubelet",
      { phase: "Failed", reason: "UnexpectedAdmissionError", message: "Allocate failed due to no GPUs" },
      {
        code: "PodFailed",
        message: "UnexpectedAdmissionError: Allocate failed due to no GPUs",
        ...notReadyFrom("10:00:00"),
      },
    ],
  ])("%s", (_what, status, failure) => expect(failureOf(status)).toEqual(failure));

  test("a registry's page of HTML is cut", () => {
    const message = "x".repeat(5000);
    expect(failureOf(pending({ waiting: { reason: "ErrImagePull", message } }))?.message).toHaveLength(300);
  });
});

describe("who ends a Pod that is being deleted", () => {
  const deletion = { deletionTimestamp: stamp("11:00:30"), deletionGracePeriodSeconds: 30 };
  const disrupted = (reason: string, status = "True", more: object = {}) => ({
    phase: "Running",
    conditions: [scheduled, condition("DisruptionTarget", status, "11:00:00", { reason, message: "so it is said" })],
    ...more,
  });

  test.each([
    ["DeletionByPodGC", "NodeLost"],
    ["DeletionByTaintManager", "NodeLost"],
    ["EvictionByEvictionAPI", "Evicted"],
    ["PreemptionByKubeScheduler", "Preempted"],
    ["PreemptionByScheduler", "Preempted"],
    ["TerminationByKubelet", "Evicted"],
  ])("%s is %s", (reason, code) => {
    expect(toWorkerPod({ metadata: { ...metadata, ...deletion }, status: disrupted(reason) }, now)?.failure).toEqual({
      code,
      message: `${code}: so it is said`,
      since: time("11:00:00"),
    });
  });

  test("a node that is shut down says more than that the kubelet ended it", () => {
    const status = disrupted("TerminationByKubelet", "True", { phase: "Failed", reason: "NodeShutdown" });
    expect(failureOf(status)).toMatchObject({ code: "NodeLost" });
  });

  test.each<[string, object, object]>([
    ["is not being deleted after all", metadata, disrupted("PreemptionByScheduler")],
    ["was to be preempted once", { ...metadata, ...deletion }, disrupted("PreemptionByScheduler", "False")],
    ["is ended by nobody whom we know", { ...metadata, ...deletion }, disrupted("Whim")],
    ["is simply deleted", { ...metadata, ...deletion }, { phase: "Running", conditions: [scheduled] }],
  ])("a Pod that %s has no failure", (_what, given, status) => {
    expect(toWorkerPod({ metadata: given, status }, now)).not.toHaveProperty("failure");
  });
});

test("a deletion was asked for before its grace, which is what the API writes down the end of", () => {
  const deletion = { deletionTimestamp: stamp("11:00:30"), deletionGracePeriodSeconds: 30 };
  const pod = { metadata: { ...metadata, ...deletion }, status: { phase: "Running" } };
  expect(toWorkerPod(pod, now)).toMatchObject({ deleted: time("11:00:00"), graceEnds: time("11:00:30") });
});

test("a creation time that is missing is now", () => {
  expect(toWorkerPod({ metadata: { name: "a", uid: "b" } }, now)).toMatchObject({ created: now, phase: "Unknown" });
});

test.each([undefined, null, 1, "Pod", {}, { metadata: null }, { metadata: { name: "a" } }])("%j is no Pod", (pod) => {
  expect(toWorkerPod(pod, now)).toBeUndefined();
});

test("the worker Pods of a cluster are chosen by label", () => {
  expect(workerPods({ namespace: "hpc", name: "demo" })).toEqual({
    path: "/api/v1/namespaces/hpc/pods",
    selector: {
      labelSelector: "kai.alibabacloud.com/slurm-cluster=demo,kai.alibabacloud.com/slurm-node-type=worker",
    },
  });
});
