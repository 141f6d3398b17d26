import { describe, expect, test } from "vitest";
import { type GroupSets, planGroup } from "../../src/scaling/group-sets.ts";

function sets(given: {
  created?: number[];
  deleted?: number[];
  foreign?: string[];
  replicas?: number;
  available?: number[];
}): GroupSets {
  return {
    created: new Set(given.created),
    deleted: new Set(given.deleted),
    foreign: given.foreign ?? [],
    replicas: given.replicas ?? 0,
    available: new Set(given.available),
  };
}

const name = (index: number): string => `demo-worker-cpu-${index}`;

describe("planGroup", () => {
  test.each([
    ["resume in an empty group", {}, "resume", [0], [0], [], 1],
    ["a repeated resume changes nothing", { created: [0], replicas: 1 }, "resume", [0], [0], [], 1],
    ["resume takes the name out of the deleted", { deleted: [0], replicas: 0 }, "resume", [0], [0], [], 1],
    ["suspend", { created: [0, 1], replicas: 2 }, "suspend", [0], [1], [0], 1],
    ["a repeated suspend changes nothing", { created: [1], deleted: [0], replicas: 1 }, "suspend", [0], [1], [0], 1],
    ["suspend of a node that never ran names it, and R stays", { replicas: 0 }, "suspend", [4], [], [4], 0],
    [
      "forget takes a name out of the deleted",
      { created: [1], deleted: [0, 2], replicas: 1 },
      "forget",
      [0],
      [1],
      [2],
      1,
    ],
    ["forget of what is not there", { created: [0], replicas: 1 }, "forget", [0], [0], [], 1],
    ["R is never below 0", { created: [0], replicas: 0 }, "suspend", [0], [], [0], 0],
    ["first touch takes running workers in", { replicas: 3, available: [0, 1, 2] }, "resume", [5], [0, 1, 2, 5], [], 4],
    [
      "resume of a running worker does not count it twice",
      { replicas: 2, available: [0, 1] },
      "resume",
      [1],
      [0, 1],
      [],
      2,
    ],
    ["suspend of a running worker that no list names", { replicas: 2, available: [0, 1] }, "suspend", [0], [1], [0], 1],
    ["a floor above the lists stays above", { created: [0], replicas: 5 }, "resume", [1], [0, 1], [], 6],
    [
      "a deleted worker that still runs does not count",
      { deleted: [0], available: [0], replicas: 0 },
      "resume",
      [1],
      [1],
      [0],
      1,
    ],
    [
      "in both sets and running: stays wanted",
      { created: [0], deleted: [0], available: [0], replicas: 1 },
      "resume",
      [1],
      [0, 1],
      [],
      2,
    ],
    ["in both sets, not running: leaves both", { created: [0], deleted: [0], replicas: 0 }, "resume", [1], [1], [], 1],
    [
      "in both sets, not running: R counts it no more",
      { created: [0, 1], deleted: [0], replicas: 2 },
      "resume",
      [2],
      [1, 2],
      [],
      2,
    ],
    ["in both sets and asked for", { created: [0], deleted: [0], replicas: 0 }, "resume", [0], [0], [], 1],
    ["in both sets and parked", { created: [0], deleted: [0], replicas: 0 }, "suspend", [0], [], [0], 0],
    ["sorted by number", { created: [10, 9], deleted: [11, 2], replicas: 2 }, "resume", [1], [1, 9, 10], [2, 11], 3],
  ] as const)("%s", (_title, before, action, indexes, created, deleted, replicas) => {
    const given = before as Parameters<typeof sets>[0];
    expect(planGroup("demo", "cpu", sets(given), [{ action, indexes: new Set(indexes) }])).toEqual({
      created,
      deleted: deleted.map(name),
      replicas,
    });
  });

  test("names in podsToBeDeleted that are no workers of the group are kept", () => {
    const given = sets({ deleted: [3], foreign: ["demo-worker-gpu-0", "else"] });
    const planned = planGroup("demo", "cpu", given, [{ action: "suspend", indexes: new Set([1]) }]);
    expect(planned.deleted).toEqual([name(1), name(3), "demo-worker-gpu-0", "else"]);
  });
});
