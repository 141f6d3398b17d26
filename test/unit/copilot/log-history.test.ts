import { describe, expect, test } from "vitest";
import { historyOf, namesNode, parseLog } from "../../../src/copilot/explain/log-history.ts";

const node = "demo-worker-cpu-3";
const prefix = "demo-worker-";

describe("a node is named", () => {
  test.each([
    ["resume called, args [demo-worker-cpu-[0-3]]", true],
    ["resume called, args [demo-worker-cpu-[0-2,4]]", false],
    ["resume called, args [demo-worker-gpu-[0-9],demo-worker-cpu-3]", true],
    ["job 7 (partition main) waits for demo-worker-cpu-[2-4]", true],
    ["demo-worker-cpu-3: changed in Slurm meanwhile, left for the next round", true],
    ["told Slurm: demo-worker-cpu-3 DOWN, power-agent: UnknownGroup: names worker group cpu", true],
    ["suspend of demo-worker-cpu-[3,5] dropped: in use in Slurm by now, or unknown", true],
    ["demo-worker-cpu-3.", true],
    ["resume node demo-worker-cpu-33 failed: LeadingZero", false],
    ["resume node my-demo-worker-cpu-3", true],
    ["demo-worker-cpu-[0-", false],
    ["demo-worker-", false],
    ["nothing of the kind", false],
  ])("in %j: %j", (text, named) => {
    expect(namesNode(node, prefix)(text)).toBe(named);
  });
});

const at = (second: number): string => `2026-11-23T20:00:${String(second).padStart(2, "0")}.000Z`;

test("both formats of the log are read, and what is no line is skipped", () => {
  const json = {
    level: 50,
    time: Date.parse(at(2)),
    pid: 1,
    program: "slurm-resume",
    run: "b",
    msg: "resume failed: 403",
  };
  const text = ["nd of a line", `${at(1)} WARN  a1 one: two`, JSON.stringify(json), '{"level":30,"time"', ""].join(
    "\n",
  );
  expect(parseLog(text)).toEqual([
    { time: Date.parse(at(1)), level: "warn", run: "a1", message: "one: two" },
    { time: Date.parse(at(2)), level: "error", run: "b", message: "resume failed: 403" },
  ]);
});

describe("the history of a node", () => {
  const log = parseLog(
    [
      `${at(1)} INFO  aa namespace: default cluster: demo`,
      `${at(1)} INFO  aa resume called, args [demo-worker-cpu-[2-3]]`,
      `${at(1)} INFO  aa job 7 waits for demo-worker-cpu-[2-3]`,
      `${at(2)} INFO  aa hostlists: [demo-worker-cpu-[2-3]]`,
      `${at(2)} INFO  aa resume node demo-worker-cpu-[2-3]`,
      `${at(2)} WARN  aa try 1 failed: PATCH https://api: 503; next in 120 ms`,
      `${at(3)} INFO  bb resume called, args [demo-worker-cpu-9]`,
      `${at(3)} ERROR bb resume failed: PATCH https://api: 403`,
      `${at(5)} INFO  aa resume finished: 2 recorded, 0 failed, 4000 ms, exit 0`,
      `${at(9)} INFO  cc set-down demo-worker-cpu-3: Unschedulable: has a Pod that fails: 0/3 (failing-pod)`,
      `${at(9)} ERROR cc scontrol update State=DOWN of demo-worker-cpu-9 failed: no`,
    ].join("\n"),
  );

  test("is what names it, and how its runs went; runs of others, and what a run says of itself, are not", () => {
    expect(historyOf(node, prefix, log, 20).map(({ message }) => message)).toEqual([
      "resume called, args [demo-worker-cpu-[2-3]]",
      "job 7 waits for demo-worker-cpu-[2-3]",
      "try 1 failed: PATCH https://api: 503; next in 120 ms",
      "resume finished: 2 recorded, 0 failed, 4000 ms, exit 0",
      "set-down demo-worker-cpu-3: Unschedulable: has a Pod that fails: 0/3 (failing-pod)",
    ]);
  });

  test("is its end when it is long", () => {
    expect(historyOf(node, prefix, log, 1).map(({ message }) => message)).toEqual([expect.stringMatching(/^set-down/)]);
  });
});
