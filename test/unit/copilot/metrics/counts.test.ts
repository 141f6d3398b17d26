/** Nodes and Pods as counts with few labels. */
import { describe, expect, test } from "vitest";
import { emptyMemory } from "../../../../src/copilot/decide.ts";
import { type Count, countAll } from "../../../../src/copilot/metrics/counts.ts";
import { type GivenWorker, makeSnapshot, NOW, SETTINGS } from "../../../support/copilot.ts";

const counts = (...workers: readonly GivenWorker[]) => countAll(makeSnapshot(...workers), emptyMemory, SETTINGS);

/** "group value" of what is not zero. */
function nonzero(found: readonly Count<string>[]): string[] {
  return found
    .filter(({ value }) => value > 0)
    .map(({ labels, value }) => `${Object.values(labels).join(" ")}: ${value}`);
}

describe("countAll", () => {
  test.each([
    ["IDLE+CLOUD", "idle"],
    ["MIXED+CLOUD", "mixed"],
    ["ALLOCATED+CLOUD+COMPLETING", "allocated"],
    ["IDLE+CLOUD+DRAIN", "drain"],
    ["ALLOCATED+CLOUD+DRAIN", "drain"],
    ["IDLE+CLOUD+POWERED_DOWN", "powered_down"],
    ["IDLE+CLOUD+DRAIN+POWERED_DOWN", "powered_down"],
    ["IDLE+CLOUD+POWERING_DOWN", "powering_down"],
    ["MIXED+CLOUD+NOT_RESPONDING+POWERING_UP", "powering_up"],
    ["DOWN+CLOUD+POWERED_DOWN", "down"],
    ["DOWN+CLOUD+POWERING_UP", "down"],
    ["FUTURE+CLOUD", "future"],
    ["SOMETHING_NEW+CLOUD", "other"],
  ])("a node that is %s is counted as %s", (state, expected) => {
    expect(nonzero(counts({ state }).nodes)).toEqual([`cpu ${expected}: 1`]);
  });

  test("every state and phase of every group is there, if only as zero", () => {
    const { nodes, pods, listedNodes, leakedPods } = counts(
      { state: "IDLE+CLOUD" },
      { name: "b", group: "gpu", pod: {} },
    );
    expect(nodes).toHaveLength(20);
    expect(pods).toHaveLength(12);
    expect(listedNodes).toHaveLength(4);
    expect(nonzero(pods)).toEqual(["gpu Running: 1"]);
    expect(nonzero(leakedPods)).toEqual(["gpu: 1"]);
    expect(leakedPods).toHaveLength(2);
  });

  test.each([
    ["power-agent: ImagePullBackOff: x [strike 1 until 2026-11-23T20:00:00Z]", "ImagePullBackOff"],
    ["power-agent: CapacityBackOff: x [strike 0 until 2026-11-23T20:00:00Z]", "CapacityBackOff"],
    ["power-agent: UnknownGroup: there is no group x", "UnknownGroup"],
    ["ResumeTimeout reached", "ResumeTimeout"],
    ["power-agent: Made_up_7: by hand", "Other"],
    ["power-agent: constructor: by hand", "Other"],
    ["disk broken", "Other"],
    ["Not responding", "Other"],
    [undefined, "Other"],
  ])("a node DOWN with the Reason %s is counted as %s", (reason, expected) => {
    const node = reason === undefined ? {} : { reason };
    expect(nonzero(counts({ state: "DOWN+CLOUD", node }).downNodes)).toEqual([`cpu ${expected}: 1`]);
  });

  test("Pods: phase, deletion, failure, and those that nobody needs", () => {
    const failure = { code: "Unschedulable", message: "m", since: NOW } as const;
    const found = counts(
      { name: "a", state: "IDLE+CLOUD", pod: {} },
      { name: "b", state: "IDLE+CLOUD+POWERING_UP", pod: { phase: "Pending", ready: false, failure } },
      { name: "c", state: "IDLE+CLOUD+POWERING_DOWN", pod: { deleted: NOW } },
      { name: "d", state: "IDLE+CLOUD+POWERED_DOWN", pod: { deleted: NOW } },
      { name: "e", group: null, pod: {} },
    );
    expect(nonzero(found.pods)).toEqual(
      [" Running: 1", "cpu Pending: 1", "cpu Running: 1", "cpu Terminating: 2"].sort(),
    );
    expect(nonzero(found.readyPods)).toEqual([": 1", "cpu: 3"]);
    expect(nonzero(found.failingPods)).toEqual(["cpu Unschedulable: 1"]);
    expect(nonzero(found.leakedPods)).toEqual([": 1", "cpu: 1"]);
  });

  test("lists and strikes", () => {
    const strikes = new Map([
      ["a", { count: 1 }],
      ["b", { count: SETTINGS.strikeLimit }],
    ]);
    const snapshot = makeSnapshot(
      { name: "a", state: "DOWN+CLOUD", wanted: true },
      { name: "b", state: "DOWN+CLOUD", wanted: true, unwanted: true },
    );
    const found = countAll(snapshot, { ...emptyMemory, strikes }, SETTINGS);
    expect(nonzero(found.listedNodes)).toEqual(["cpu podsToBeCreated: 2", "cpu podsToBeDeleted: 1"]);
    expect(nonzero(found.struckNodes)).toEqual(["cpu: 2"]);
    expect(nonzero(found.givenUpNodes)).toEqual(["cpu: 1"]);
  });
});
