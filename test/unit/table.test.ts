import { describe, expect, test } from "vitest";
import { duration, durationRange } from "../../src/text/duration.ts";
import { renderTable, type TableColumn } from "../../src/text/table.ts";

const columns: readonly TableColumn[] = [
  { title: "NODES" },
  { title: "NEXT", whenWide: "fold" },
  { title: "REASON", whenWide: "put below" },
];
const rows = [
  {
    cells: ["demo-worker-cpu-0", "DOWN and withdrawn in 45s: ImagePullBackOff (failing-pod)", "the image is not there"],
  },
  { cells: ["demo-worker-gpu-[0-12]", "-", "-"], style: (line: string) => `<${line}>` },
];

describe("a table", () => {
  test("without a width each row is one line", () => {
    expect(renderTable(columns, rows)).toEqual([
      "NODES                   NEXT                                                       REASON",
      "demo-worker-cpu-0       DOWN and withdrawn in 45s: ImagePullBackOff (failing-pod)  the image is not there",
      "<demo-worker-gpu-[0-12]  -                                                          ->",
    ]);
  });

  test("that is too wide puts the last column below the rows", () => {
    expect(renderTable(columns, rows, 90)).toEqual([
      "NODES                   NEXT",
      "demo-worker-cpu-0       DOWN and withdrawn in 45s: ImagePullBackOff (failing-pod)",
      "    the image is not there",
      "<demo-worker-gpu-[0-12]  ->",
    ]);
  });

  test("that is still too wide folds, at blanks, down to what can be read", () => {
    expect(renderTable(columns, rows, 60)).toEqual([
      "NODES                   NEXT",
      "demo-worker-cpu-0       DOWN and withdrawn in 45s:",
      "                        ImagePullBackOff (failing-pod)",
      "    the image is not there",
      "<demo-worker-gpu-[0-12]  ->",
    ]);
    const widest = Math.max(...renderTable(columns, rows, 20).map((line) => line.length));
    expect(widest).toBeGreaterThan(40);
    expect(widest).toBeLessThanOrEqual(22 + 2 + 24);
  });

  test("breaks a hostlist behind a comma", () => {
    const hostlist = "demo-worker-cpu-[0,100,200,300,400,500,600]";
    expect(renderTable([{ title: "NODES", whenWide: "fold" }], [{ cells: [hostlist] }], 30)).toEqual([
      "NODES",
      "demo-worker-cpu-[0,100,200,",
      "300,400,500,600]",
    ]);
  });

  test("breaks a word that is longer than its line", () => {
    expect(renderTable([{ title: "X", whenWide: "fold" }], [{ cells: ["a".repeat(30)] }], 10)).toEqual([
      "X",
      "a".repeat(24),
      "a".repeat(6),
    ]);
  });

  test("shows text of others on one line and without what a terminal would obey", () => {
    expect(renderTable([{ title: "X" }], [{ cells: ["red\u001b[31m\nnext\u2028line\t\ttab"] }])).toEqual([
      "X",
      "red [31m next line tab",
    ]);
  });
});

test.each([
  [-5000, "0s"],
  [400, "0s"],
  [45_000, "45s"],
  [60_000, "1m"],
  [200_000, "3m20s"],
  [599_600, "10m"],
  [3_599_000, "59m"],
  [7_500_000, "2h5m"],
  [7_200_000, "2h"],
  [400_000_000, "4d"],
])("%i ms are %s", (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

test("a range of spans is told by its ends, and as one where they read the same", () => {
  expect(durationRange([65_000, 40_000, 50_000])).toBe("40s-1m5s");
  expect(durationRange([45_100, 45_300])).toBe("45s");
});
