import { describe, expect, test } from "vitest";
import { unknownPod } from "../../../../src/copilot/rules/unknown-pod.ts";
import { type GivenWorker, minutesAgo, NOW, rounds } from "../../../support/copilot.ts";

describe("unknown-pod", () => {
  test.each<[string, GivenWorker]>([
    ["an old Pod", { pod: { created: minutesAgo(60) } }],
    ["a wanted Pod", { pod: { created: minutesAgo(60) }, wanted: true }],
    [
      "a Pod that the lists contradict each other about",
      { pod: { created: minutesAgo(60) }, wanted: true, unwanted: true },
    ],
  ])("ends %s once it has been without a node for the grace", (_title, given) => {
    expect(rounds(unknownPod, given, [299, 300])).toEqual([[], [], ["suspend UnknownPod"]]);
  });

  test("counts the grace from the Pod's birth when that is later", () => {
    expect(rounds(unknownPod, { pod: { created: NOW + 10_000 } }, [309, 310])).toEqual([
      [],
      [],
      ["suspend UnknownPod"],
    ]);
  });

  test.each<[string, GivenWorker]>([
    ["of no group", { pod: {}, group: null }],
    ["with a node in whatever state", { pod: {}, state: "UNKNOWN+CLOUD" }],
    ["that was asked to go", { pod: {}, unwanted: true }],
    ["that goes by itself", { pod: { deleted: 1 } }],
    ["that is not there", { wanted: true }],
  ])("leaves alone a Pod %s", (_title, given) => {
    expect(rounds(unknownPod, given, [300, 3600]).flat()).toEqual([]);
  });
});
