import { describe, expect, test } from "vitest";
import { leakedPod } from "../../../../src/copilot/rules/leaked-pod.ts";
import { type GivenWorker, LEFT_ALONE, rounds } from "../../../support/copilot.ts";

/** A node that has been up before. */
const node = { bootTime: 1 };

describe("leaked-pod", () => {
  test.each<[string, GivenWorker]>([
    ["a powered-down node that is wanted", { state: "IDLE+CLOUD+POWERED_DOWN", wanted: true }],
    ["one with a Pod that no list names", { state: "IDLE+CLOUD+POWERED_DOWN", node, pod: {} }],
    ["one with a wanted Pod", { state: "IDLE+CLOUD+POWERED_DOWN", node, pod: {}, wanted: true }],
    ["one in both lists", { state: "IDLE+CLOUD+POWERED_DOWN", wanted: true, unwanted: true }],
    ["one with further flags", { state: "IDLE+CLOUD+POWERED_DOWN+RESERVED+NOT_RESPONDING+PLANNED", node, pod: {} }],
    ["a node that powers down", { state: "IDLE+CLOUD+POWERING_DOWN", node, pod: {}, wanted: true }],
    ["a node that is DOWN and powered down", { state: "DOWN+CLOUD+POWERED_DOWN", pod: {}, wanted: true }],
    [
      "one that never booted, with a Pod that never was ready",
      { state: "IDLE+CLOUD+POWERED_DOWN", pod: { ready: false } },
    ],
    [
      "one that is wanted and whose Pod goes away",
      { state: "IDLE+CLOUD+POWERED_DOWN", pod: { deleted: 1, ready: false }, wanted: true },
    ],
  ])("ends, after two rounds, %s", (_title, given) => {
    expect(rounds(leakedPod, given, [4, 5])).toEqual([[], [], ["suspend LeakedPod"]]);
  });

  test.each<[string, GivenWorker]>([
    ["without Pod or list", { state: "IDLE+CLOUD+POWERED_DOWN" }],
    ["whose Pod was asked to go", { state: "IDLE+CLOUD+POWERING_DOWN", pod: {}, unwanted: true }],
    ["whose Pod goes by itself", { state: "IDLE+CLOUD+POWERED_DOWN", pod: { deleted: 1 } }],
    ["that is up", { state: "IDLE+CLOUD", pod: {} }],
    ["that is busy", { state: "ALLOCATED+CLOUD", pod: {}, wanted: true }],
    ["that powers up", { state: "IDLE+CLOUD+POWERING_UP", pod: {}, wanted: true }],
    ["that powers up again at once", { state: "IDLE+CLOUD+POWERED_DOWN+POWERING_UP", pod: {}, wanted: true }],
    ["that POWER_UP was asked for", { state: "IDLE+CLOUD+POWERED_DOWN+POWER_UP", pod: {}, wanted: true }],
    ["that a job was allocated to", { state: "ALLOCATED+CLOUD+POWERED_DOWN", pod: {}, wanted: true }],
    ["that jobs were allocated to", { state: "MIXED+CLOUD+POWERED_DOWN", pod: {}, wanted: true }],
    ["that waits for its jobs to end before POWER_DOWN", { state: "ALLOCATED+CLOUD+POWER_DOWN", pod: {} }],
    ["that is DOWN but not powered down", { state: "DOWN+CLOUD", pod: {}, wanted: true }],
    ["that is no cloud node", { state: "IDLE+POWERED_DOWN", pod: {}, wanted: true }],
    ["that Slurm has made FUTURE", { state: "FUTURE+CLOUD+POWERED_DOWN", pod: {}, wanted: true }],
    ["of no group", { state: "IDLE+CLOUD+POWERED_DOWN", pod: {}, group: null }],
    ["that Slurm does not know", { pod: {}, wanted: true }],
    ...LEFT_ALONE.map((flag): [string, GivenWorker] => [
      `with ${flag}`,
      { state: `IDLE+CLOUD+POWERED_DOWN+${flag}`, node, pod: {}, wanted: true },
    ]),
  ])("leaves alone a node %s", (_title, given) => {
    expect(rounds(leakedPod, given, [5, 60, 600]).flat()).toEqual([]);
  });

  test("gives people time when slurmctld seems to have lost its state", () => {
    expect(rounds(leakedPod, { state: "IDLE+CLOUD+POWERED_DOWN", pod: {}, wanted: true }, [299, 300])).toEqual([
      [],
      [],
      ["suspend LeakedPod"],
    ]);
  });
});
