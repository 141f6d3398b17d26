import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesOf, triedOnce } from "../../scripts/matrix/plan.ts";
import { allPassed, type CurrentApiResult, renderPage, type SuiteResult } from "../../scripts/matrix/render.ts";
import { readResults, readVersions, type TestResult, type VitestReport } from "../../scripts/matrix/report.ts";

const versions = { slurm: "24.11.5", kubernetes: "v1.20.2" };

type FileReport = VitestReport["testResults"][number];
const assertion = (
  ancestorTitles: readonly string[],
  title: string,
  status: string,
  failureMessages: readonly string[] = [],
): FileReport["assertionResults"][number] => ({ ancestorTitles, title, status, failureMessages, meta: {} });
const file = (status: string, assertionResults: FileReport["assertionResults"], message = ""): VitestReport => ({
  testResults: [{ name: "/somewhere/test/cluster/a.test.ts", status, message, assertionResults }],
});

describe("what vitest reports", () => {
  const read = (report: VitestReport | undefined) =>
    readResults(["a.test.ts"], report).map(({ heading, title, outcome }) => [heading, title, outcome]);
  const whole = (message: string) => [["a.test.ts", "the file as a whole", { state: "failed", message }]];

  test.each(["walk on Slurm 24.11", "walk (trixie)", "walk"])("%s is one heading for all suites", (heading) => {
    expect(read(file("passed", [assertion([heading, "inner"], "runs", "passed")]))).toEqual([
      ["walk", "inner: runs", { state: "passed" }],
    ]);
  });

  test("a failure comes with the first line that says something", () => {
    const failed = assertion(["walk"], "runs", "failed", ["\n\u001b[31mError: bad\u001b[0m\n    at f"]);
    expect(read(file("failed", [failed]))).toEqual([["walk", "runs", { state: "failed", message: "Error: bad" }]]);
  });

  test("what is skipped for what a machine lacks says so", () => {
    expect(read(file("passed", [assertion(["walk (skipped: no helm (here))"], "runs", "skipped")]))).toEqual([
      ["walk", "runs", { state: "skipped", reason: "no helm (here)" }],
    ]);
  });

  test("what a test itself skips is skipped, but not what did not run as the set-up failed", () => {
    const skipped = [assertion(["walk"], "runs", "skipped")];
    expect(read(file("passed", skipped))).toMatchObject([["walk", "runs", { state: "skipped" }]]);
    expect(read(file("failed", skipped))).toMatchObject([["walk", "runs", { state: "failed" }]]);
  });

  test("a failed clean-up is a failure, though each test passed", () => {
    expect(read(file("failed", [assertion(["walk"], "runs", "passed")]))).toEqual([
      ["walk", "runs", { state: "passed" }],
      ...whole("its set-up or its clean-up failed"),
    ]);
  });

  test("a file that vitest could not read, or that it says nothing of, is a failure", () => {
    expect(read(file("failed", [], "Transform failed\nmore"))).toEqual(whole("Transform failed"));
    expect(read({ testResults: [] })).toEqual(whole("there is no result of it"));
    expect(read(undefined)).toEqual(whole("there is no result of it"));
  });

  test("versions are those that the first test tells", () => {
    const told = { ...assertion(["walk"], "runs", "passed"), meta: { versions } };
    expect(readVersions(file("passed", [assertion(["walk"], "first", "passed"), told]))).toEqual(versions);
    expect(readVersions(undefined)).toBeUndefined();
  });
});

const passed = (heading: string, title: string, name = "a.test.ts"): TestResult => ({
  file: name,
  heading,
  title,
  outcome: { state: "passed" },
});
const trixie: SuiteResult = {
  suite: "trixie",
  versions,
  again: [],
  seconds: 90,
  tests: [passed("walk", "runs"), passed("walk", "stops | ends"), passed("logins", "by ssh", "once.test.ts")],
};
const failing: SuiteResult = {
  suite: "sid",
  versions: undefined,
  again: [],
  seconds: 3,
  tests: [
    { ...passed("walk", "runs"), outcome: { state: "failed", message: "Error: `bad`" } },
    { ...passed("other", "waits"), outcome: { state: "skipped", reason: "no helm" } },
  ],
};
const facts = { version: "1.2.3", date: "2026-11-24", triedOnce: { "once.test.ts": "there is no Slurm in it" } };
const missing: CurrentApiResult = { missing: "there is no Go" };
const lines = (results: readonly SuiteResult[], currentApi: CurrentApiResult = missing): string[] =>
  renderPage(results, { ...facts, currentApi }).split("\n");

describe("the page", () => {
  test("has a column for each release, a row for each test, and hides no failure", () => {
    const text = lines([trixie, failing]);
    expect(text).toEqual(
      expect.arrayContaining([
        "| 24.11.5 | trixie | v1.20.2 | 3 | 0 | 0 | 1.5 |",
        "| unknown (sid) | sid | unknown | 0 | 1 | 1 | 0.1 |",
        "- Slurm unknown (sid), walk: runs: `Error: 'bad'`",
        "| **walk** | 24.11.5 | unknown (sid) |",
        "| runs | yes | **failed** |",
        "| stops \\| ends | yes | not tried |",
        "| waits | not tried | skipped: no helm |",
      ]),
    );
  });

  test("says of what is tried once why, in a table of its own", () => {
    const text = lines([trixie, failing]);
    const once = text.slice(text.indexOf("## With one release of Slurm"));
    expect(once).toContain("- logins: there is no Slurm in it.");
    expect(once).toContain("| **logins** | 24.11.5 |");
    expect(once).toContain("| by ssh | yes |");
    expect(once.join("\n")).not.toContain("walk");
  });

  test("has no heading for failures without any", () => {
    expect(lines([trixie])).not.toContain("## What failed");
  });

  test("tells which files were run again", () => {
    const sentence = "A file with a failed test is run once more, alone, and the second run counts. So it was with ";
    expect(lines([trixie]).join("\n")).not.toContain(sentence);
    const again = { ...trixie, again: ["a.test.ts", "b.test.ts"] };
    expect(lines([again, failing])).toContain(`${sentence}a.test.ts, b.test.ts (trixie).`);
  });

  test("tells of a current kube-apiserver, and of what failed there", () => {
    expect(lines([trixie])).toContain("A current one was not tried: there is no Go.");
    const text = lines([trixie], { kubernetes: "v1.37.2", tests: failing.tests });
    expect(text).toContain(
      "kube-apiserver v1.37.2 ran the tests of test/api, in which no Pod runs: 0 passed, 1 failed, 1 skipped.",
    );
    expect(text).toContain("- kube-apiserver v1.37.2, walk: runs: `Error: 'bad'`");
  });
});

test("a run passes when tests passed and none failed", () => {
  expect(allPassed([trixie])).toBe(true);
  expect(allPassed([trixie, failing])).toBe(false);
  expect(allPassed([{ ...trixie, tests: [] }])).toBe(false);
});

test("what does not depend on Slurm's release is run with one", () => {
  const files = ["local-cluster.test.ts", "walk-through.test.ts"];
  expect(filesOf("trixie", files)).toEqual(files);
  expect(filesOf("sid", files)).toEqual(["walk-through.test.ts"]);
});

test.each(Object.keys(triedOnce))("%s, which is run with one, is there", (name) => {
  expect(existsSync(join(import.meta.dirname, "../cluster", name))).toBe(true);
});
