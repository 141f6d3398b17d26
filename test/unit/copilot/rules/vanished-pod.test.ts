import { describe, expect, test } from "vitest";
import { vanishedPod } from "../../../../src/copilot/rules/vanished-pod.ts";
import { CHANGING, type GivenWorker, HELD, minutesAgo, NOW, rounds } from "../../../support/copilot.ts";

const busy = { state: "ALLOCATED+CLOUD", wanted: true };
const evicted = { phase: "Failed", failure: { code: "Evicted", message: "memory", since: NOW } } as const;
const started = { bootTime: minutesAgo(30) / 1000, slurmdStartTime: minutesAgo(30) / 1000 };

describe("vanished-pod", () => {
  test.each<[string, GivenWorker, string]>([
    ["was evicted", { ...busy, pod: evicted }, "Evicted"],
    ["has failed", { ...busy, pod: { phase: "Failed" } }, "PodFailed"],
    ["has ended", { ...busy, pod: { phase: "Succeeded" } }, "PodFailed"],
    ["is being deleted", { ...busy, pod: { deleted: NOW } }, "PodDeleted"],
    ["is being evicted", { ...busy, pod: { deleted: NOW, failure: evicted.failure } }, "Evicted"],
    [
      "is ended by the taint of its Kubernetes node",
      { ...busy, pod: { deleted: NOW, failure: { code: "NodeLost", message: "taint", since: NOW } } },
      "NodeLost",
    ],
    [
      "is being preempted",
      { ...busy, pod: { deleted: NOW, failure: { code: "Preempted", message: "priority", since: NOW } } },
      "Preempted",
    ],
    [
      "is being deleted by hand while a container fails",
      { ...busy, pod: { deleted: NOW, failure: { code: "CrashLoopBackOff", message: "", since: NOW } } },
      "PodDeleted",
    ],
    ["was made after its slurmd", { ...busy, node: started, pod: { created: minutesAgo(1) } }, "PodReplaced"],
    [
      "was made and taken on by a kubelet after its slurmd",
      { ...busy, node: started, pod: { created: minutesAgo(2), accepted: minutesAgo(1) } },
      "PodReplaced",
    ],
    ["is being deleted under an idle node", { state: "IDLE+CLOUD", wanted: true, pod: { deleted: NOW } }, "PodDeleted"],
    ["has failed, no list naming it", { state: "MIXED+CLOUD", pod: { phase: "Failed" } }, "PodFailed"],
    [
      "has failed, its node not responding",
      { state: "MIXED+CLOUD+NOT_RESPONDING", pod: { phase: "Failed" } },
      "PodFailed",
    ],
  ])("gives up at once on a node that is up and whose Pod %s", (_title, given, code) => {
    expect(rounds(vanishedPod, given, [])).toEqual([[`set-down ${code} strike 1 120 s`, `suspend ${code}`]]);
  });

  test.each<[string, GivenWorker]>([
    ["is wanted", busy],
    ["no list names", { state: "ALLOCATED+CLOUD" }],
    ["was suspended by hand", { ...busy, wanted: false, unwanted: true }],
  ])("gives up after two rounds on a node that is up without a Pod and %s", (_title, given) => {
    expect(rounds(vanishedPod, given, [4, 5])).toEqual([
      [],
      [],
      ["set-down PodGone strike 1 125 s", "suspend PodGone"],
    ]);
  });

  test.each(
    CHANGING.flatMap((flag): [string, GivenWorker, string][] => [
      [`${flag} and has no Pod`, { ...busy, state: `ALLOCATED+CLOUD+${flag}` }, "PodGone"],
      [`${flag} and has an evicted Pod`, { ...busy, state: `IDLE+CLOUD+${flag}`, pod: evicted }, "Evicted"],
    ]),
  )("gives up after the limit on a node that is %s", (_title, given, code) => {
    expect(rounds(vanishedPod, given, [5, 59, 60])).toEqual([
      [],
      [],
      [],
      [`set-down ${code} strike 1 180 s`, `suspend ${code}`],
    ]);
  });

  test.each<[string, GivenWorker]>([
    ...CHANGING.map((flag): [string, GivenWorker] => [
      `that is ${flag} and whose Pod runs`,
      { ...busy, state: `ALLOCATED+CLOUD+${flag}`, pod: {} },
    ]),
    ["whose Pod runs", { ...busy, pod: {} }],
    ["whose Pod runs since before its slurmd", { ...busy, node: started, pod: { created: minutesAgo(31) } }],
    [
      "whose clock lags its Pod's by less than the tolerance",
      { ...busy, node: started, pod: { created: minutesAgo(29) } },
    ],
    [
      "whose clock lags the API's by ten minutes, and not its kubelet's",
      { ...busy, node: started, pod: { created: minutesAgo(21), accepted: minutesAgo(31) } },
    ],
    [
      "whose kubelet's clock was ten minutes ahead when it took the Pod on",
      { ...busy, node: started, pod: { created: minutesAgo(31), accepted: minutesAgo(21) } },
    ],
    [
      "whose host was started before its Pod",
      { ...busy, node: { ...started, bootTime: minutesAgo(999) / 1000 }, pod: { created: minutesAgo(31) } },
    ],
    [
      "that runs without `slurmd -b` on a host that is younger than the request",
      {
        ...busy,
        node: { slurmdStartTime: minutesAgo(10) / 1000, bootTime: minutesAgo(30) / 1000 },
        pod: { created: minutesAgo(11) },
      },
    ],
    [
      "whose Pod is lost from sight",
      { ...busy, pod: { failure: { code: "NodeLost", message: "", since: NOW }, ready: false } },
    ],
    [
      "whose container restarts",
      { ...busy, pod: { ready: false, failure: { code: "CrashLoopBackOff", message: "", since: NOW } } },
    ],
    ["whose Pod ends as asked by hand", { state: "IDLE+CLOUD", unwanted: true, pod: { deleted: NOW } }],
    ["whose Pod the status still lists", { ...busy, available: true }],
    ["that is DOWN", { state: "DOWN+CLOUD", wanted: true }],
    ["that powers up", { state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true, pod: { deleted: NOW } }],
    ["that POWER_UP was asked for", { state: "ALLOCATED+CLOUD+POWER_UP", wanted: true }],
    ["that powers down", { state: "IDLE+CLOUD+POWERING_DOWN", wanted: true }],
    ["that is powered down", { state: "IDLE+CLOUD+POWERED_DOWN", wanted: true }],
    ["that is about to be powered up", { state: "ALLOCATED+CLOUD+POWERED_DOWN", wanted: true }],
    ["that is no cloud node", { state: "ALLOCATED", wanted: true }],
    ["that Slurm has made FUTURE", { state: "FUTURE+CLOUD" }],
    ["of no group", { ...busy, group: null }],
    ...HELD.flatMap((flag): [string, GivenWorker][] => [
      [`with ${flag} and no Pod`, { ...busy, state: `ALLOCATED+CLOUD+${flag}` }],
      [`with ${flag} and an evicted Pod`, { ...busy, state: `IDLE+CLOUD+${flag}`, pod: evicted }],
    ]),
  ])("leaves alone a node %s", (_title, given) => {
    expect(rounds(vanishedPod, given, [5, 600]).flat()).toEqual([]);
  });
});
