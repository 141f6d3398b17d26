import { describe, expect, test } from "vitest";
import { decide, emptyMemory, type Memory } from "../../../../src/copilot/decide.ts";
import { staleBoot } from "../../../../src/copilot/rules/stale-boot.ts";
import {
  actionText,
  type GivenWorker,
  LEFT_ALONE,
  makeSnapshot,
  NOW,
  rounds,
  SETTINGS,
} from "../../../support/copilot.ts";

const booting = { state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP", wanted: true };

/** Shows the rule one worker after another, each with the seconds at which it is seen. */
function story(...steps: readonly [number, GivenWorker][]): string[][] {
  let memory: Memory = emptyMemory;
  return steps.map(([second, given]) => {
    const decision = decide(makeSnapshot(given), memory, SETTINGS, NOW + second * 1000, [staleBoot]);
    memory = decision.memory;
    return decision.actions.map(actionText);
  });
}

describe("stale-boot", () => {
  test("makes a Pod anew that has been ready for the limit while its node did not register", () => {
    expect(rounds(staleBoot, { ...booting, pod: {} }, [59, 60])).toEqual([
      [],
      [],
      ["delete-pod NeverRegistered uid-1"],
    ]);
  });

  test("gives up when the new Pod does not register either", () => {
    const steps = story(
      [0, { ...booting, pod: { uid: "uid-1" } }],
      [60, { ...booting, pod: { uid: "uid-1" } }],
      [61, { ...booting, pod: { uid: "uid-1", deleted: NOW } }],
      [65, { ...booting }],
      [70, { ...booting, pod: { uid: "uid-2", ready: false } }],
      [80, { ...booting, pod: { uid: "uid-2" } }],
      [139, { ...booting, pod: { uid: "uid-2" } }],
      [140, { ...booting, pod: { uid: "uid-2" } }],
    );
    expect(steps).toEqual([
      [],
      ["delete-pod NeverRegistered uid-1"],
      [],
      [],
      [],
      [],
      [],
      ["set-down NeverRegistered strike 1 260 s", "suspend NeverRegistered"],
    ]);
  });

  test("asks again for a deletion that did not get through", () => {
    expect(rounds(staleBoot, { ...booting, pod: {} }, [60, 70]).slice(1)).toEqual([
      ["delete-pod NeverRegistered uid-1"],
      ["delete-pod NeverRegistered uid-1"],
    ]);
  });

  test("a power-up that came through begins anew", () => {
    const steps = story(
      [0, { ...booting, pod: { uid: "uid-1" } }],
      [60, { ...booting, pod: { uid: "uid-1" } }],
      [90, { state: "ALLOCATED+CLOUD", wanted: true, pod: { uid: "uid-2" } }],
      [900, { ...booting, pod: { uid: "uid-2" } }],
      [960, { ...booting, pod: { uid: "uid-2" } }],
    );
    expect(steps.at(-1)).toEqual(["delete-pod NeverRegistered uid-2"]);
  });

  test.each<[string, GivenWorker]>([
    ["that is not ready", { ...booting, pod: { ready: false } }],
    ["that is being deleted", { ...booting, pod: { deleted: NOW } }],
    ["of a worker that is not wanted", { ...booting, wanted: false, pod: {} }],
    ["of a worker that is named in both lists", { ...booting, unwanted: true, pod: {} }],
    ["of a node that is up", { state: "ALLOCATED+CLOUD", wanted: true, pod: {} }],
    ["of a node that is up and does not respond", { state: "ALLOCATED+CLOUD+NOT_RESPONDING", wanted: true, pod: {} }],
    ["of a node that is DOWN", { state: "DOWN+CLOUD+POWERING_UP", wanted: true, pod: {} }],
    ["of a powered-down node", { state: "IDLE+CLOUD+POWERED_DOWN", wanted: true, pod: {} }],
    ["of no group", { ...booting, group: null, pod: {} }],
    ...LEFT_ALONE.map((flag): [string, GivenWorker] => [
      `of a node with ${flag}`,
      { ...booting, state: `IDLE+CLOUD+POWERING_UP+${flag}`, pod: {} },
    ]),
  ])("leaves alone a Pod %s", (_title, given) => {
    expect(rounds(staleBoot, given, [60, 600]).flat()).toEqual([]);
  });
});
