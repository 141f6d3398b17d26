import { describe, expect, test } from "vitest";
import { decide, emptyMemory } from "../../../../src/copilot/decide.ts";
import { capacityBackOff } from "../../../../src/copilot/rules/capacity-back-off.ts";
import { formatReason } from "../../../../src/slurm/own-reason.ts";
import { actionText, type GivenWorker, LEFT_ALONE, makeSnapshot, NOW, SETTINGS } from "../../../support/copilot.ts";

const parked = "IDLE+CLOUD+POWERED_DOWN";

function down(code: string, seconds: number, group = "cpu"): GivenWorker {
  const reason = formatReason({ code, message: "no room", strike: 1, until: NOW + seconds * 1000 });
  return { name: `demo-worker-${group}-${seconds}`, group, state: "DOWN+CLOUD+POWERING_UP", node: { reason } };
}

/** What happens to the first of these workers. */
function toFirst(...workers: readonly GivenWorker[]): string[] {
  const { actions } = decide(makeSnapshot(...workers), emptyMemory, SETTINGS, NOW, [capacityBackOff]);
  return actions.filter(({ node }) => node === "demo-worker-cpu-0").map(actionText);
}

describe("capacity-back-off", () => {
  test("closes the parked nodes of a group for the longest back-off", () => {
    expect(toFirst({ state: parked }, down("Unschedulable", 120), down("Unschedulable", 240))).toEqual([
      "set-down CapacityBackOff strike 0 240 s",
    ]);
  });

  test.each(["CreateContainerError", "ImagePullBackOff", "NeverCreated", "QuotaExceeded", "Unschedulable"])(
    "closes a group whose Pods fail as %s, and says so",
    (code) => {
      const snapshot = makeSnapshot({ state: parked }, down(code, 120));
      const { actions } = decide(snapshot, emptyMemory, SETTINGS, NOW, [capacityBackOff]);
      expect(actions).toMatchObject([
        { node: "demo-worker-cpu-0", until: NOW + 120_000, message: `is closed as Pods of group cpu fail: ${code}` },
      ]);
    },
  );

  test("is no strike, and keeps those there are", () => {
    const memory = { ...emptyMemory, strikes: new Map([["demo-worker-cpu-0", { count: 3 }]]) };
    const snapshot = makeSnapshot({ state: parked }, down("Unschedulable", 120));
    expect(decide(snapshot, memory, SETTINGS, NOW, [capacityBackOff]).actions.map(actionText)).toEqual([
      "set-down CapacityBackOff strike 3 120 s",
    ]);
  });

  test.each<[string, GivenWorker[]]>([
    ["another group lacks room", [{ state: parked }, down("Unschedulable", 120, "gpu")]],
    ["a node failed for a reason of its own", [{ state: parked }, down("OOMKilled", 120)]],
    ["a node failed for a reason that slurm-resume wrote", [{ state: parked }, down("Deadline", 120)]],
    ["a node failed for a word that is nobody's", [{ state: parked }, down("constructor", 120)]],
    ["others are closed as well", [{ state: parked }, down("CapacityBackOff", 120)]],
    ["the back-off is over", [{ state: parked }, down("Unschedulable", 0)]],
    ["nothing failed", [{ state: parked }]],
  ])("does nothing when %s", (_title, workers) => {
    expect(toFirst(...workers)).toEqual([]);
  });

  test.each<[string, GivenWorker]>([
    ["is up", { state: "IDLE+CLOUD", pod: {} }],
    ["is busy", { state: "ALLOCATED+CLOUD", pod: {} }],
    ["powers up", { state: "IDLE+CLOUD+POWERING_UP" }],
    ["powers down", { state: "IDLE+CLOUD+POWERING_DOWN" }],
    ["is about to be powered up", { state: "ALLOCATED+CLOUD+POWERED_DOWN" }],
    ["POWER_UP was asked for", { state: `${parked}+POWER_UP` }],
    ["is DOWN", { state: "DOWN+CLOUD+POWERED_DOWN" }],
    ["is reserved", { state: `${parked}+RESERVED` }],
    ["still has a Pod", { state: parked, pod: {} }],
    ["is wanted", { state: parked, wanted: true }],
    ["an admin has put a Reason on", { state: parked, node: { reason: "new disk" } }],
    ["is no cloud node", { state: "IDLE+POWERED_DOWN" }],
    ["belongs to no group", { state: parked, group: null }],
    ...LEFT_ALONE.map((flag): [string, GivenWorker] => [`has ${flag}`, { state: `${parked}+${flag}` }]),
  ])("leaves alone a node that %s", (_title, given) => {
    expect(toFirst(given, down("Unschedulable", 120))).toEqual([]);
  });
});
