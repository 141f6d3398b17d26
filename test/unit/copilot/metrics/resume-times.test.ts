/** The times of nodes that come up, from successive looks. */
import { describe, expect, test } from "vitest";
import { followResumes, noResumeTimes } from "../../../../src/copilot/metrics/resume-times.ts";
import { type GivenWorker, makeSnapshot, NOW } from "../../../support/copilot.ts";

type Look = GivenWorker & { readonly second: number };

/** The stages that a worker reaches in these looks, as "stage seconds". */
function reachedIn(...looks: readonly Look[]): string[] {
  let times = noResumeTimes;
  return looks.flatMap(({ second, ...worker }) => {
    const { after, reached } = followResumes(times, makeSnapshot(worker), NOW + second * 1000);
    times = after;
    return reached.map(({ group, stage, seconds }) => `${group} ${stage} ${seconds}`);
  });
}

const parked = { state: "IDLE+CLOUD+POWERED_DOWN" };
const waking = { state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP" };
const up = { state: "ALLOCATED+CLOUD" };
const pending = { phase: "Pending", ready: false } as const;

describe("followResumes", () => {
  test("a node that comes up: each stage once, from when it was first seen powering up", () => {
    expect(
      reachedIn(
        { second: 0, ...parked },
        { second: 2, ...waking },
        { second: 3, ...waking, pod: pending },
        { second: 10, ...waking, pod: pending },
        { second: 20, ...waking, pod: {} },
        { second: 22, ...up, pod: {} },
        { second: 32, ...up, pod: {} },
      ),
    ).toEqual(["cpu pod_created 1", "cpu pod_ready 18", "cpu registered 20"]);
  });

  test.each<[string, readonly Look[], readonly string[]]>([
    [
      "powering up in the first look, as after a restart: its beginning is not known",
      [
        { second: 0, ...waking },
        { second: 5, ...up, pod: {} },
      ],
      [],
    ],
    [
      "up in the first look",
      [
        { second: 0, ...up, pod: {} },
        { second: 5, ...up, pod: {} },
      ],
      [],
    ],
    [
      "all between two looks: faster than can be told",
      [
        { second: 0, ...parked },
        { second: 9, ...up, pod: {} },
        { second: 19, ...up, pod: {} },
      ],
      ["cpu pod_created 0", "cpu pod_ready 0", "cpu registered 0"],
    ],
    [
      "all across a gap",
      [
        { second: 0, ...parked },
        { second: 31, ...up, pod: {} },
      ],
      [],
    ],
    [
      "returned to service, and not woken",
      [
        { second: 0, state: "DOWN+CLOUD+POWERED_DOWN" },
        { second: 9, ...parked },
      ],
      [],
    ],
    [
      "all stages in one look after it was seen waking",
      [
        { second: 0, ...parked },
        { second: 1, ...waking },
        { second: 8, ...up, pod: {} },
      ],
      ["cpu pod_created 7", "cpu pod_ready 7", "cpu registered 7"],
    ],
    [
      "a gap of looks, longer than three rounds",
      [
        { second: 0, ...parked },
        { second: 1, ...waking },
        { second: 32, ...up, pod: {} },
      ],
      [],
    ],
    [
      "a gap, and still waking: unknown from then on",
      [
        { second: 0, ...parked },
        { second: 1, ...waking },
        { second: 60, ...waking },
        { second: 61, ...up, pod: {} },
      ],
      [],
    ],
    [
      "a clock that goes back",
      [
        { second: 0, ...parked },
        { second: 5, ...waking },
        { second: 2, ...up, pod: {} },
      ],
      [],
    ],
    [
      "a node that fails is not measured, and its next try begins anew",
      [
        { second: 0, ...parked },
        { second: 1, ...waking },
        { second: 9, state: "DOWN+CLOUD+POWERING_UP" },
        { second: 11, ...parked },
        { second: 20, ...waking },
        { second: 23, ...up, pod: {} },
      ],
      ["cpu pod_created 3", "cpu pod_ready 3", "cpu registered 3"],
    ],
    [
      "a Pod of before that is being deleted is not the one that is waited for",
      [
        { second: 0, ...parked, pod: { deleted: NOW } },
        { second: 1, ...waking, pod: { deleted: NOW } },
        { second: 4, ...waking, pod: { uid: "uid-2", ...pending } },
      ],
      ["cpu pod_created 3"],
    ],
    [
      "a Pod made anew while the node wakes counts once",
      [
        { second: 0, ...parked },
        { second: 1, ...waking, pod: {} },
        { second: 11, ...waking },
        { second: 13, ...waking, pod: { uid: "uid-2" } },
        { second: 21, ...up, pod: { uid: "uid-2" } },
      ],
      ["cpu pod_created 0", "cpu pod_ready 0", "cpu registered 20"],
    ],
    [
      "a drained node that comes up has come up",
      [
        { second: 0, ...parked },
        { second: 1, ...waking },
        { second: 4, state: "IDLE+CLOUD+DRAIN", pod: {} },
      ],
      ["cpu pod_created 3", "cpu pod_ready 3", "cpu registered 3"],
    ],
    [
      "a node of no group",
      [
        { second: 0, group: null, ...parked },
        { second: 1, group: null, ...waking },
        { second: 4, group: null, ...up },
      ],
      [" registered 3"],
    ],
  ])("%s", (_case, looks, expected) => {
    expect(reachedIn(...looks)).toEqual(expected);
  });
});
