import { expect, test } from "vitest";
import { dateFailures, type FailingSince } from "../../src/kubernetes/failing-since.ts";
import type { ObservedPod } from "../../src/operator/observed-pod.ts";
import { observedWorker } from "../support/operator-manifests.ts";

const isEarliest = true as const;
const pulling = { code: "ImagePullBackOff", message: "m", since: 0, isEarliest } as const;
const crashing = (lastEnd: number) =>
  ({ code: "CrashLoopBackOff", message: "m", since: 0, isEarliest, lastEnd }) as const;
const failing = (failure: NonNullable<ObservedPod["failure"]>, changes: Partial<ObservedPod> = {}) =>
  observedWorker(0, { ready: false, failure, ...changes });

/** The times from which the failures of Pods count that are seen one after the other, each at its time. */
function datesOf(seen: readonly (readonly [number, ObservedPod?])[]) {
  let memory: FailingSince = new Map();
  const dates = seen.map(([now, pod]) => {
    const { dated, failing } = dateFailures(pod === undefined ? [] : [[pod.uid, pod]], memory, now);
    memory = failing;
    return pod && dated.get(pod.uid)?.failure?.since;
  });
  return { dates, memory };
}

const starting = observedWorker(0, { ready: false });

test.each<[string, readonly (readonly [number, ObservedPod?])[], readonly (number | undefined)[]]>([
  [
    "it is first seen",
    [
      [600, failing(pulling)],
      [700, failing(pulling)],
    ],
    [600, 600],
  ],
  [
    "it is seen anew",
    [
      [600, failing(pulling)],
      [700, starting],
      [800, failing(pulling)],
    ],
    [600, undefined, 800],
  ],
  [
    "another kind is seen",
    [
      [600, failing(pulling)],
      [700, failing({ ...pulling, code: "CreateContainerError" })],
    ],
    [600, 700],
  ],
  [
    "another Pod fails",
    [
      [600, failing(pulling)],
      [700, failing(pulling, { uid: "other" })],
    ],
    [600, 700],
  ],
  ["the Pod was gone", [[600, failing(pulling)], [700], [800, failing(pulling)]], [600, undefined, 800]],
  [
    "the first end that was seen, while the Pod has not been ready",
    [
      [600, failing(crashing(590))],
      [700, starting],
      [800, failing(crashing(790))],
    ],
    [590, undefined, 590],
  ],
  [
    "its last end, after it has been ready",
    [
      [600, failing(crashing(590))],
      [700, observedWorker(0)],
      [800, failing(crashing(790))],
    ],
    [590, undefined, 790],
  ],
  ["it tells itself", [[600, failing({ code: "Unschedulable", message: "m", since: 500 })]], [500]],
])("a failure counts from when %s", (_what, seen, expected) => {
  expect(datesOf(seen).dates).toEqual(expected);
});

test("nothing is remembered of Pods that are gone", () => {
  expect(datesOf([[600, failing(pulling)], [700, failing(crashing(650))], [800]]).memory).toEqual(new Map());
});
