import { describe, expect, test } from "vitest";
import { decide, emptyMemory, type Memory } from "../../../../src/copilot/decide.ts";
import { missingPod } from "../../../../src/copilot/rules/missing-pod.ts";
import { type GivenWorker, LEFT_ALONE, makeSnapshot, NOW, rounds, SETTINGS } from "../../../support/copilot.ts";

const booting = { state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP", wanted: true };
const quota =
  'pods "demo-worker-cpu-0" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2';
const ends = { deleted: NOW - 10_000, graceEnds: NOW + 20_000 };
const lost = { code: "NodeLost", message: "NodeLost: Taint manager: deleting", since: NOW } as const;

/** Code and message of what is done about a node at each of these seconds, where the operator's status says this. */
function told(operatorReason: string, seconds: readonly number[]): string[] {
  let memory: Memory = emptyMemory;
  return seconds.flatMap((second) => {
    const snapshot = { ...makeSnapshot(booting), operatorReason };
    const decision = decide(snapshot, memory, SETTINGS, NOW + second * 1000, [missingPod]);
    memory = decision.memory;
    return decision.actions.slice(0, 1).map(({ code, message }) => `${second} ${code}: ${message}`);
  });
}

describe("missing-pod", () => {
  test("gives up on a node whose Pod is never made, when nothing tells why", () => {
    expect(rounds(missingPod, booting, [60, 299, 300]).at(-1)).toEqual([
      "set-down NeverCreated strike 1 420 s",
      "suspend NeverCreated",
    ]);
    expect(rounds(missingPod, booting, [60, 299]).flat()).toEqual([]);
  });

  test.each([
    [
      "that a quota is exceeded",
      quota,
      [`60 QuotaExceeded: is powering up, and its Pod was never made; the operator says: ${quota}`],
    ],
    ["nothing", "", []],
    ["something else", "2 of 3 worker Pods are ready", []],
  ])("after the limit of a Pod that fails, when the operator says %s", (_title, reason, expected) => {
    expect(told(reason, [0, 59, 60])).toEqual(expected);
  });

  test("says what the operator says, whatever it is", () => {
    expect(told("denied by policy x", [0, 300])).toEqual([
      "300 NeverCreated: is powering up, and its Pod was never made; the operator says: denied by policy x",
    ]);
  });

  test.each<[string, GivenWorker["pod"], string]>([
    ["does not end", ends, "PodStuck"],
    ["is on a Kubernetes node that is lost", { ...ends, failure: lost }, "NodeLost"],
  ])("waits for the grace of an old Pod and then for the limit, when it %s", (_title, pod = {}, code) => {
    expect(rounds(missingPod, { ...booting, pod }, [79]).flat()).toEqual([]);
    expect(rounds(missingPod, { ...booting, pod }, [80]).at(-1)).toEqual([
      `set-down ${code} strike 1 200 s`,
      `suspend ${code}`,
    ]);
  });

  test.each<[string, GivenWorker]>([
    ["that has a Pod", { ...booting, pod: { ready: false, phase: "Pending" } }],
    ["that no list names", { ...booting, wanted: false }],
    ["that is to be ended", { ...booting, unwanted: true }],
    ["that is up", { ...booting, state: "ALLOCATED+CLOUD" }],
    ["that is DOWN already", { ...booting, state: "DOWN+CLOUD+POWERING_UP" }],
    ["that is powered down", { ...booting, state: "IDLE+CLOUD+POWERED_DOWN" }],
    ["that is about to be powered up", { ...booting, state: "ALLOCATED+CLOUD+POWERED_DOWN" }],
    ["that is no cloud node", { ...booting, state: "ALLOCATED+POWERING_UP" }],
    ["of no group", { ...booting, group: null }],
    ...LEFT_ALONE.map((flag): [string, GivenWorker] => [
      `with ${flag}`,
      { ...booting, state: `IDLE+CLOUD+POWERING_UP+${flag}` },
    ]),
  ])("leaves alone a node %s", (_title, given) => {
    expect(rounds(missingPod, given, [60, 300, 3600]).flat()).toEqual([]);
  });
});
