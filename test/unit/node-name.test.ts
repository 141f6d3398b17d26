import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  foldIndexes,
  foldNames,
  MAX_WORKER_INDEX,
  parseNodeName,
  resolveNames,
  workerName,
  workerStem,
} from "../../src/slurm/node-name.ts";

const groups = new Set(["cpu", "cpu-1", "gpu-a100-8", "7"]);

describe("parseNodeName", () => {
  test.each([
    ["demo-worker-cpu-0", "cpu", 0],
    ["demo-worker-cpu-1", "cpu", 1],
    ["demo-worker-cpu-1-0", "cpu-1", 0],
    ["demo-worker-cpu-1-10", "cpu-1", 10],
    ["demo-worker-gpu-a100-8-3", "gpu-a100-8", 3],
    ["demo-worker-7-12", "7", 12],
    ["demo-worker-cpu-2147483647", "cpu", MAX_WORKER_INDEX],
  ])("%s is a worker of group %s", (name, group, index) => {
    expect(parseNodeName(name, "demo", groups)).toEqual({ name, group, index });
  });

  test.each([
    ["demo2-worker-cpu-0", "NotOfThisCluster"],
    ["dem-worker-cpu-0", "NotOfThisCluster"],
    ["login1", "NotOfThisCluster"],
    ["", "NotOfThisCluster"],
    ["demo-worker-cpu", "NotAWorkerName"],
    ["demo-worker-0", "NotAWorkerName"],
    ["demo-worker-cpu-", "NotAWorkerName"],
    ["demo-worker-cpu-x1", "NotAWorkerName"],
    ["demo-worker-cpu-1.5", "NotAWorkerName"],
    ["demo-worker-cpu-١", "NotAWorkerName"],
    ["demo-worker-cpu-007", "LeadingZero"],
    ["demo-worker-cpu-00", "LeadingZero"],
    ["demo-worker-cpu-2147483648", "IndexTooLarge"],
    ["demo-worker-cpu-99999999999999999999", "IndexTooLarge"],
    ["demo-worker-gpu-0", "UnknownGroup"],
    ["demo-worker-cpu-2-0", "UnknownGroup"],
    ["demo-worker-CPU-0", "UnknownGroup"],
  ])("%j is refused: %s", (name, refusal) => {
    expect(parseNodeName(name, "demo", groups)).toMatchObject({ name, refusal });
  });

  test("is the inverse of workerName for every group and index", () => {
    const dnsLabel = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
    fc.assert(
      fc.property(dnsLabel, dnsLabel, fc.integer({ min: 0, max: MAX_WORKER_INDEX }), (cluster, group, index) => {
        const name = workerName(cluster, group, index);
        expect(parseNodeName(name, cluster, new Set([group]))).toEqual({ name, group, index });
      }),
    );
  });
});

test("foldIndexes is foldNames of the workers' names", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.oneof(fc.nat(20), fc.nat(MAX_WORKER_INDEX)), { minLength: 1 }), (indexes) => {
      const names = indexes.map((index) => workerName("demo", "cpu-1", index));
      expect(foldIndexes(workerStem("demo", "cpu-1"), new Set(indexes))).toBe(foldNames(names));
    }),
  );
});

describe("resolveNames", () => {
  test("takes each name for what parseNodeName takes it, whatever came before", () => {
    const words = ["demo-worker-cpu-", "demo-worker-cpu-1-", "demo-worker-7-", "demo-worker-", "other-worker-cpu-"];
    const ends = ["0", "7", "007", "2147483647", "2147483648", "999999999", "1-0", "x", "", "1.5", "-1", "1e3"];
    const name = fc.tuple(fc.constantFrom(...words), fc.constantFrom(...ends)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(name), (names) => {
        const { byGroup, refused } = resolveNames(names, "demo", groups);
        const parsed = [...new Set(names)].map((each) => parseNodeName(each, "demo", groups));
        const found = [...byGroup].flatMap(([group, indexes]) => [...indexes].map((index) => `${group} ${index}`));
        expect(found.sort()).toEqual(
          parsed.flatMap((each) => (each.refusal === undefined ? [`${each.group} ${each.index}`] : [])).sort(),
        );
        expect(refused).toEqual(parsed.filter((each) => each.refusal !== undefined));
      }),
    );
  });

  test("sorts names by group, counts repeats once and keeps the good ones beside the bad", () => {
    const names = [
      "demo-worker-cpu-3",
      "other-worker-cpu-1",
      "demo-worker-cpu-3",
      "demo-worker-7-0",
      "demo-worker-cpu-007",
      "other-worker-cpu-1",
    ];
    const { byGroup, refused } = resolveNames(names, "demo", groups);
    expect(byGroup).toEqual(
      new Map([
        ["cpu", new Set([3])],
        ["7", new Set([0])],
      ]),
    );
    expect(refused.map(({ name, refusal }) => [name, refusal])).toEqual([
      ["other-worker-cpu-1", "NotOfThisCluster"],
      ["demo-worker-cpu-007", "LeadingZero"],
    ]);
  });
});
