import { describe, expect, test } from "vitest";
import { decide, emptyMemory, type Memory } from "../../../../src/copilot/decide.ts";
import { failingPod } from "../../../../src/copilot/rules/failing-pod.ts";
import type { PodFailure } from "../../../../src/kubernetes/pod-failure.ts";
import {
  actionText,
  type GivenWorker,
  LEFT_ALONE,
  makeSnapshot,
  minutesAgo,
  NOW,
  rounds,
  SETTINGS,
} from "../../../support/copilot.ts";

function failure(code: PodFailure["code"], since: number): { ready: boolean; phase: "Pending"; failure: PodFailure } {
  return { ready: false, phase: "Pending", failure: { code, message: "0/3 nodes are available", since } };
}

/** Of a failure that does not say when it began. */
const isEarliest = true as const;

const booting = { state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP", wanted: true };
const longAgo = failure("Unschedulable", minutesAgo(10));

describe("failing-pod", () => {
  test.each<PodFailure["code"]>(["ImagePullBackOff", "CrashLoopBackOff", "CreateContainerError"])(
    "gives up on a node that powers up when its Pod has been in %s for the limit",
    (code) => {
      expect(rounds(failingPod, { ...booting, pod: failure(code, NOW - 30_000) }, [29, 30])).toEqual([
        [],
        [],
        [`set-down ${code} strike 1 150 s`, `suspend ${code}`],
      ]);
    },
  );

  test.each<PodFailure["code"]>(["ImagePullBackOff", "CreateContainerError", "PodFailed"])(
    "gives a Pod that was well for ten minutes the whole limit from when it is seen to be in %s",
    (code) => {
      const pod = {
        ...failure(code, minutesAgo(10)),
        failure: { ...failure(code, minutesAgo(10)).failure, isEarliest },
      };
      expect(rounds(failingPod, { ...booting, pod }, [59, 60])).toEqual([
        [],
        [],
        [`set-down ${code} strike 1 180 s`, `suspend ${code}`],
      ]);
    },
  );

  /** What is decided about Pods that are seen at these seconds. */
  function story(...steps: readonly (readonly [seconds: number, NonNullable<GivenWorker["pod"]>])[]): string[][] {
    let memory: Memory = emptyMemory;
    return steps.map(([seconds, pod]) => {
      const decision = decide(makeSnapshot({ ...booting, pod }), memory, SETTINGS, NOW + seconds * 1000, [failingPod]);
      memory = decision.memory;
      return decision.actions.map(actionText);
    });
  }
  const starting = { ready: false, phase: "Running" } as const;
  /** Of a container that last ended at that second. */
  function ended(code: PodFailure["code"], second: number): NonNullable<GivenWorker["pod"]> {
    const lastEnd = NOW + second * 1000;
    return { ...starting, failure: { code, message: "m", since: minutesAgo(10), isEarliest, lastEnd } };
  }

  test("a failure of which only one try is seen, and that is over, begins anew when it comes again", () => {
    const pulling = {
      ...starting,
      failure: { code: "ImagePullBackOff", message: "m", since: minutesAgo(10), isEarliest },
    } as const;
    expect(story([0, pulling], [10, starting], [60, pulling], [119, pulling])).toEqual([[], [], [], []]);
  });

  test("a container that ends fails at least since then", () => {
    const pod = ended("CrashLoopBackOff", -20);
    expect(story([0, pod], [39, pod], [40, pod]).map(({ length }) => length)).toEqual([0, 0, 2]);
  });

  test("one that ends again and again goes on failing between its tries, whatever each of them is called", () => {
    const tries = [
      [0, ended("CrashLoopBackOff", -1)],
      [10, starting],
      [20, ended("CreateContainerError", 15)],
      [30, starting],
      [50, ended("OOMKilled", 45)],
      [58, starting],
      [60, ended("CrashLoopBackOff", 59)],
    ] as const;
    expect(story(...tries).map(({ length }) => length)).toEqual([0, 0, 0, 0, 0, 0, 2]);
    const wasReady = tries.map(([second, pod]) => [second, second === 30 ? { ready: true } : pod] as const);
    expect(story(...wasReady).flat()).toEqual([]);
  });

  test("waits longer where there is no room, as a machine may be added", () => {
    const pod = failure("Unschedulable", NOW);
    expect(rounds(failingPod, { ...booting, pod }, [60, 299, 300])).toEqual([
      [],
      [],
      [],
      ["set-down Unschedulable strike 1 420 s", "suspend Unschedulable"],
    ]);
  });

  test("says in the Reason what Kubernetes says", () => {
    const { actions } = decide(makeSnapshot({ ...booting, pod: longAgo }), emptyMemory, SETTINGS, NOW);
    expect(actions[0]?.message).toBe("has a Pod that fails: 0/3 nodes are available");
  });

  test("goes on counting when the operator makes a Pod anew that fails the same way", () => {
    const first = decide(
      makeSnapshot({ ...booting, pod: failure("ImagePullBackOff", NOW) }),
      emptyMemory,
      SETTINGS,
      NOW,
    );
    const anew = { ...failure("ImagePullBackOff", NOW + 40_000), uid: "uid-2" };
    const { actions } = decide(makeSnapshot({ ...booting, pod: anew }), first.memory, SETTINGS, NOW + 60_000);
    expect(actions.map(actionText)).toContain("suspend ImagePullBackOff");
  });

  test.each([
    [1, 240],
    [2, 480],
    [3, 960],
    [4, 1920],
  ])("after %i failures in a row backs off for %i s", (count, seconds) => {
    const memory = { ...emptyMemory, strikes: new Map([["demo-worker-cpu-0", { count }]]) };
    const pod = failure("CrashLoopBackOff", minutesAgo(10));
    const { actions } = decide(makeSnapshot({ ...booting, pod }), memory, SETTINGS, NOW);
    expect(actions.map(actionText)).toContain(`set-down CrashLoopBackOff strike ${count + 1} ${seconds} s`);
  });

  test.each([3, 4])("%i failures that are not the node's own stay below the limit of strikes", (count) => {
    const memory = { ...emptyMemory, strikes: new Map([["demo-worker-cpu-0", { count }]]) };
    const { actions } = decide(makeSnapshot({ ...booting, pod: longAgo }), memory, SETTINGS, NOW);
    expect(actions.map(actionText)).toContain(`set-down Unschedulable strike ${SETTINGS.strikeLimit - 1} 960 s`);
  });

  test.each<[string, GivenWorker]>([
    ["without a failure", { ...booting, pod: { ready: false } }],
    ["that is being deleted", { ...booting, pod: { ...longAgo, deleted: 1 } }],
    ["of a node that is up", { state: "ALLOCATED+CLOUD", pod: longAgo }],
    ["of a node that is DOWN already", { state: "DOWN+CLOUD+POWERING_UP", pod: longAgo }],
    ["of a powered-down node", { state: "IDLE+CLOUD+POWERED_DOWN", pod: longAgo }],
    ["of a node that Slurm does not know", { pod: longAgo }],
    ["of no group", { ...booting, group: null, pod: longAgo }],
    ...LEFT_ALONE.map((flag): [string, GivenWorker] => [
      `of a node with ${flag}`,
      { state: `IDLE+CLOUD+POWERING_UP+${flag}`, pod: longAgo },
    ]),
  ])("leaves alone a Pod %s", (_title, given) => {
    expect(rounds(failingPod, given, [60, 600]).flat()).toEqual([]);
  });
});
