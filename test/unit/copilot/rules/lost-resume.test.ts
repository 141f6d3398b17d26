import { describe, expect, test } from "vitest";
import { lostResume } from "../../../../src/copilot/rules/lost-resume.ts";
import { type GivenWorker, LEFT_ALONE, rounds } from "../../../support/copilot.ts";

const resumed = [[], [], ["resume LostResume"], ["resume LostResume"]];
const untouched = [[], [], [], []];

describe("lost-resume", () => {
  test.each<[string, GivenWorker]>([
    ["a node that powers up and is in no list", { state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP" }],
    ["one whose job was cancelled", { state: "IDLE+CLOUD+NOT_RESPONDING+POWERING_UP" }],
    ["one that is still named for deletion", { state: "IDLE+CLOUD+POWERING_UP", unwanted: true }],
    [
      "one whose Pod of before is still going away",
      { state: "MIXED+CLOUD+POWERING_UP", unwanted: true, pod: { deleted: 1 } },
    ],
    ["one that is named in both lists", { state: "IDLE+CLOUD+POWERING_UP", wanted: true, unwanted: true }],
    ["one that is drained while it boots", { state: "IDLE+CLOUD+DRAIN+POWERING_UP" }],
    ["a node that is up, after the lists were wiped", { state: "ALLOCATED+CLOUD", pod: {} }],
    ["a node that is up and named for deletion", { state: "IDLE+CLOUD", pod: {}, unwanted: true }],
    ["a node that is up and drained", { state: "IDLE+CLOUD+DRAIN", pod: {} }],
    ["a node that is up and in maintenance", { state: "IDLE+CLOUD+MAINTENANCE+RESERVED", pod: {} }],
    ["a node that is up and does not respond", { state: "ALLOCATED+CLOUD+NOT_RESPONDING", pod: {} }],
    ["a node that an admin set DOWN", { state: "DOWN+CLOUD", node: { reason: "disk" }, pod: {} }],
  ])("takes in, after two rounds, %s", (_title, given) => {
    expect(rounds(lostResume, given, [4, 5, 15])).toEqual(resumed);
  });

  test.each<[string, GivenWorker]>([
    ["a node that is wanted", { state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true }],
    ["a powered-down node", { state: "IDLE+CLOUD+POWERED_DOWN", pod: {} }],
    ["a node that powers down", { state: "IDLE+CLOUD+POWERING_DOWN", pod: {} }],
    ["a node that slurmctld is about to power up", { state: "ALLOCATED+CLOUD+POWERED_DOWN" }],
    ["a node that waits for POWER_DOWN", { state: "ALLOCATED+CLOUD+POWER_DOWN", pod: {} }],
    ["a node that is DOWN while it powers up", { state: "DOWN+CLOUD+POWERING_UP", node: { reason: "disk" } }],
    ["a node that we set DOWN", { state: "DOWN+CLOUD", node: { reason: "power-agent: Evicted: memory" }, pod: {} }],
    ["a node that is up without a Pod", { state: "ALLOCATED+CLOUD" }],
    ["a node that is up and whose Pod has failed", { state: "ALLOCATED+CLOUD", pod: { phase: "Failed" } }],
    ["a node that is up and whose Pod goes away", { state: "ALLOCATED+CLOUD", pod: { deleted: 1 } }],
    ["a node of no group", { state: "IDLE+CLOUD+POWERING_UP", group: null }],
    ["a node that is no cloud node", { state: "IDLE+POWERING_UP" }],
    ["a node that Slurm has made FUTURE", { state: "FUTURE+CLOUD+POWERING_UP" }],
    ["a name that Slurm does not know", { pod: {} }],
  ])("leaves alone %s", (_title, given) => {
    expect(rounds(lostResume, given, [4, 5, 15])).toEqual(untouched);
  });

  test("adopting changes lists only, so what an admin does with a running node makes no difference", () => {
    for (const flag of LEFT_ALONE.filter((flag) => flag !== "POWER_DOWN")) {
      expect(rounds(lostResume, { state: `IDLE+CLOUD+${flag}`, pod: {} }, [5]).at(-1)).toEqual(["resume LostResume"]);
    }
  });
});
