import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Check } from "../../../../src/copilot/check/check.ts";
import { checks } from "../../../../src/copilot/check/checks.ts";
import { checkCodes, finding } from "../../../../src/copilot/check/codes.ts";
import { exitCodeOf, renderReport, runChecks } from "../../../../src/copilot/check/report.ts";
import { makeFacts } from "../../../support/check-facts.ts";

test("docs/check.md has exactly the codes that there are, with their severity, a cause and what to do", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../../docs/check.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \| (.+) \| (.+) \|$/gm)];
  expect(rows.map(([, code, severity]) => ({ code, severity }))).toEqual(checkCodes);
});

test("where all is well, all checks pass", () => {
  const report = runChecks(checks, makeFacts());
  expect(report).toMatchObject({ version: "1.0.0", cluster: "default/demo", slurmVersion: "22.05.8", errors: 0 });
  expect([report.findings, report.unchecked]).toEqual([[], []]);
  expect(report.passed).toEqual(checks.map(({ name }) => name));
});

test("where nothing is known, no check passes but the settings', and each says why", () => {
  const unknown = { unknown: "nobody answers" };
  const known = makeFacts();
  const report = runChecks(checks, {
    ...known,
    here: { cluster: unknown, api: unknown, login: "" },
    paths: new Map(),
    slurmUser: unknown,
    resource: unknown,
    rights: unknown,
    pods: unknown,
    apiClockAhead: unknown,
    slurmClockAhead: unknown,
    controllers: [],
    config: unknown,
    partitions: unknown,
    nodes: unknown,
    hardware: unknown,
    programs: unknown,
    copilot: unknown,
    slurmProblem: { code: "ControllerDown", message: "nobody answers" },
  });
  expect(report.findings.map(({ code }) => code)).toEqual(["NoCluster", "NoConnection", "SlurmctldDown"]);
  expect(report.passed).toEqual(["settings file"]);
  expect(report.unchecked.map(({ check }) => check).length + report.passed.length + 2).toBe(checks.length);
  expect(exitCodeOf(report)).toBe(2);
});

const some: readonly Check[] = [
  { name: "one", run: () => ({ findings: [finding("RateLow", "ResumeRate", "is\n1\u001b[31m", "0")] }) },
  {
    name: "two",
    run: () => ({ findings: [finding("ProgramOpen", "ResumeProgram=/x", "has mode 0775", "chmod go-w /x")] }),
  },
  { name: "three", run: () => ({ findings: [finding("OldSpelling", "worker group cpu", "is old", "write it anew")] }) },
  { name: "four", run: () => ({ findings: [], unchecked: "no answer" }) },
  { name: "five", run: () => ({ findings: [], unchecked: "no answer" }) },
  { name: "six", run: () => ({ findings: [] }) },
];
const report = runChecks(some, makeFacts());

test("the most serious first; a note does not keep a check from passing; control characters do not come through", () => {
  expect(report.findings.map(({ severity }) => severity)).toEqual(["error", "warning", "note"]);
  expect(report.passed).toEqual(["three", "six"]);
  expect(report.findings[1]?.cause).toBe("is 1 [31m");
});

test.each([
  [1, some],
  [0, some.filter(({ name }) => name !== "two")],
  [2, [{ name: "where", run: () => ({ findings: [finding("NoCluster", "SlurmCluster", "nobody says", "say so")] }) }]],
])("exit code %d", (exitCode, list) => {
  expect(exitCodeOf(runChecks(list, makeFacts()))).toBe(exitCode);
});

describe("text", () => {
  test("of findings, and what was not checked by its reason", () => {
    const lines = renderReport(report, { colour: (_colour, text) => text });
    expect(lines.join("\n")).toBe(`slurm-power-agent 1.0.0, SlurmCluster default/demo, Slurm 22.05.8

ERRORS

  ResumeProgram=/x  ProgramOpen
    what: has mode 0775
    why:  ${report.findings[0]?.effect}
    do:   chmod go-w /x

WARNINGS

  ResumeRate  RateLow
    what: is 1 [31m
    why:  big jobs wait for their nodes, and idle Pods stay on
    do:   0

NOTES

  worker group cpu  OldSpelling
    what: is old
    why:  works; newer operators read only \`replicas\`
    do:   write it anew

NOT CHECKED

  four; five
    why:  no answer

1 error, 1 warning, 1 note; 2 checks passed, 2 not done or not completely`);
  });

  test("folded under itself where the terminal ends, in colours", () => {
    const lines = renderReport(report, { width: 60, colour: (colour, text) => `<${colour}>${text}` });
    expect(lines).toContain("<red>ERRORS");
    const start = lines.findIndex((line) => line.startsWith("    why:  "));
    expect(lines[start + 1]).toMatch(/^ {10}\S/);
    for (const line of lines.filter((each) => each.startsWith("    "))) expect(line.length).toBeLessThanOrEqual(60);
  });
});
