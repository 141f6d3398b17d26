import { describe, expect, test } from "vitest";
import { prune } from "../../../../src/copilot/rules/prune.ts";
import { type GivenWorker, rounds } from "../../../support/copilot.ts";

describe("prune", () => {
  test.each<[string, GivenWorker]>([
    ["of a powered-down node", { state: "IDLE+CLOUD+POWERED_DOWN", unwanted: true }],
    ["of a node that is DOWN and powered down", { state: "DOWN+CLOUD+POWERED_DOWN", unwanted: true }],
    ["that Slurm does not know", { unwanted: true }],
  ])("forgets, after two rounds, a name %s", (_title, given) => {
    expect(rounds(prune, given, [4, 5])).toEqual([[], [], ["forget PodEnded"]]);
  });

  test.each<[string, GivenWorker]>([
    ["that is not there", { state: "IDLE+CLOUD+POWERED_DOWN" }],
    ["whose Pod lives", { state: "IDLE+CLOUD+POWERED_DOWN", unwanted: true, pod: {} }],
    ["whose Pod is going", { unwanted: true, pod: { deleted: 1 } }],
    ["that the status lists", { state: "IDLE+CLOUD+POWERED_DOWN", unwanted: true, available: true }],
    ["that is wanted as well", { state: "IDLE+CLOUD+POWERED_DOWN", unwanted: true, wanted: true }],
    ["whose node powers down", { state: "IDLE+CLOUD+POWERING_DOWN", unwanted: true }],
    ["whose node powers up", { state: "IDLE+CLOUD+POWERING_UP", unwanted: true }],
    ["whose node is about to", { state: "ALLOCATED+CLOUD+POWERED_DOWN", unwanted: true }],
    ["whose node is up", { state: "ALLOCATED+CLOUD", unwanted: true }],
    ["whose node is DOWN only", { state: "DOWN+CLOUD", unwanted: true }],
    ["of no group", { unwanted: true, group: null }],
  ])("keeps a name %s", (_title, given) => {
    expect(rounds(prune, given, [5, 600]).flat()).toEqual([]);
  });
});
