/** docs/compatibility.md from the results of all suites. */
import type { Suite } from "../images/debian-base.ts";
import type { Outcome, TestedVersions, TestResult } from "./report.ts";

/** The run of one suite. */
export interface SuiteResult {
  readonly suite: Suite;
  /** Undefined when no server came up to tell. */
  readonly versions: TestedVersions | undefined;
  readonly tests: readonly TestResult[];
  /** Files that were run once more, alone, because a test of theirs had failed; `tests` has what came of that. */
  readonly again: readonly string[];
  /** How long it took. */
  readonly seconds: number;
}

/** The run of test/api with a current kube-apiserver, or why there was none. */
export type CurrentApiResult =
  | { readonly kubernetes: string; readonly tests: readonly TestResult[] }
  | { readonly missing: string };

/** What the page tells beside the results. */
export interface PageFacts {
  /** Version of this project. */
  readonly version: string;
  /** ISO date, such as `2026-11-24`. */
  readonly date: string;
  /** Files that run with one suite alone, each with the reason. */
  readonly triedOnce: Readonly<Record<string, string>>;
  readonly currentApi: CurrentApiResult;
}

/** Whether every test of each run passed, and at least one did. Skipped ones are no failure. */
export function allPassed(results: readonly Pick<SuiteResult, "tests">[]): boolean {
  return results.every(({ tests }) => count(tests, "passed") > 0 && count(tests, "failed") === 0);
}

/** The page; pure. */
export function renderPage(results: readonly SuiteResult[], facts: PageFacts): string {
  const isOnce = ({ file }: TestResult): boolean => Object.hasOwn(facts.triedOnce, file);
  const onAll = results.map((result) => ({ ...result, tests: result.tests.filter((test) => !isOnce(test)) }));
  const once = results
    .map((result) => ({ ...result, tests: result.tests.filter(isOnce) }))
    .filter(({ tests }) => tests.length > 0);
  const kubernetes = [...new Set(results.map(({ versions }) => versions?.kubernetes ?? "unknown"))].join(", ");
  const failures = renderFailures(results, facts.currentApi);
  return [
    "# What was tried with what",
    "",
    `slurm-power-agent ${facts.version}, ${facts.date}. Each release of Slurm ran in the images of this project, in Pods on a real Kubernetes`,
    "with one node. This page is written by",
    "",
    "    npm run test:matrix             # all of it; ends with 1 when a test failed",
    "    npm run test:matrix -- sid      # one suite, shown and not written",
    "",
    "| Slurm | images | Kubernetes | passed | failed | skipped | minutes |",
    "|---|---|---|---:|---:|---:|---:|",
    ...results.map((result) =>
      row([
        columnOf(result),
        result.suite,
        result.versions?.kubernetes ?? "unknown",
        ...(["passed", "failed", "skipped"] as const).map((state) => String(count(result.tests, state))),
        (result.seconds / 60).toFixed(1),
      ]),
    ),
    "",
    ...renderAgain(results),
    ...(failures.length === 0 ? [] : ["## What failed", "", ...failures, ""]),
    "## With each release of Slurm",
    "",
    ...renderHeadings(onAll),
    "## With one release of Slurm",
    "",
    ...renderReasons(once, facts.triedOnce),
    ...renderHeadings(once),
    "## Kubernetes",
    "",
    "The resource and the charts are meant for every Kubernetes from 1.20 on: the resource is apiextensions.k8s.io/v1 with a structural schema",
    "and without validation rules (CEL), and only stable APIs are used: v1, apps/v1, rbac.authorization.k8s.io/v1, coordination.k8s.io/v1.",
    `All of the above ran with Kubernetes ${kubernetes}, which Debian has the source of.`,
    renderCurrentApi(facts.currentApi),
    "",
  ].join("\n");
}

function renderAgain(results: readonly SuiteResult[]): string[] {
  const told = results
    .filter(({ again }) => again.length > 0)
    .map(({ suite, again }) => `${again.join(", ")} (${suite})`);
  if (told.length === 0) return [];
  return [
    `A file with a failed test is run once more, alone, and the second run counts. So it was with ${told.join("; ")}.`,
    "",
  ];
}

/** For each heading a table: a row for each test, a column for each suite. */
function renderHeadings(results: readonly SuiteResult[]): string[] {
  const headings = unique(results.flatMap(({ tests }) => tests.map(({ heading }) => heading)));
  return headings.flatMap((heading) => {
    const own = results.map((result) => result.tests.filter((test) => test.heading === heading));
    const titles = unique(own.flat().map(({ title }) => title));
    return [
      row([`**${heading}**`, ...results.map(columnOf)]),
      row(["---", ...results.map(() => "---")]),
      ...titles.map((title) =>
        row([
          title,
          ...own.map((tests) => cell(tests.filter((test) => test.title === title).map((test) => test.outcome))),
        ]),
      ),
      "",
    ];
  });
}

function renderReasons(once: readonly SuiteResult[], reasons: PageFacts["triedOnce"]): string[] {
  const tests = once.flatMap((result) => result.tests);
  const lines = unique(tests.map(({ file }) => file)).map((file) => {
    const headings = unique(tests.filter((test) => test.file === file).map(({ heading }) => heading));
    return `- ${headings.join(", ")}: ${reasons[file]}.`;
  });
  return [...lines, ""];
}

/** What is known of the newest Kubernetes, whose kubelet is not tried. */
function renderCurrentApi(currentApi: CurrentApiResult): string {
  if ("missing" in currentApi) return `A current one was not tried: ${currentApi.missing}.`;
  const { kubernetes, tests } = currentApi;
  const counts = (["passed", "failed", "skipped"] as const).map((state) => `${count(tests, state)} ${state}`);
  return `kube-apiserver ${kubernetes} ran the tests of test/api, in which no Pod runs: ${counts.join(", ")}.`;
}

function renderFailures(results: readonly SuiteResult[], currentApi: CurrentApiResult): string[] {
  const runs = [
    ...results.map((result) => ({ name: `Slurm ${columnOf(result)}`, tests: result.tests })),
    ...("missing" in currentApi ? [] : [{ name: `kube-apiserver ${currentApi.kubernetes}`, tests: currentApi.tests }]),
  ];
  return runs.flatMap(({ name, tests }) =>
    tests.flatMap(({ heading, title, outcome }) =>
      outcome.state === "failed" ? [`- ${name}, ${heading}: ${title}: \`${shortened(outcome.message)}\``] : [],
    ),
  );
}

/** Of several tests with one title the worst counts. */
function cell(outcomes: readonly Outcome[]): string {
  if (outcomes.some(({ state }) => state === "failed")) return "**failed**";
  const skipped = outcomes.find((outcome) => outcome.state === "skipped");
  if (skipped !== undefined) return `skipped: ${skipped.reason}`;
  return outcomes.length === 0 ? "not tried" : "yes";
}

const columnOf = ({ suite, versions }: SuiteResult): string => versions?.slurm ?? `unknown (${suite})`;

const count = (tests: readonly TestResult[], state: Outcome["state"]): number =>
  tests.filter(({ outcome }) => outcome.state === state).length;

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

const row = (cells: readonly string[]): string =>
  `| ${cells.map((text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;

const shortened = (message: string): string => {
  const text = message.replaceAll("`", "'");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};
