/** What a run of vitest says, as its JSON reporter writes it (vitest 5, json.ts), in the terms of the matrix. */
import { basename } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** What the servers of a run call themselves, such as `22.05.8` and `v1.20.2`. */
export interface TestedVersions {
  readonly slurm: string;
  readonly kubernetes: string;
}

/** How a test ended. */
export type Outcome =
  | { readonly state: "passed" }
  | { readonly state: "failed"; readonly message: string }
  | { readonly state: "skipped"; readonly reason: string };

/** One test of one suite. */
export interface TestResult {
  /** File name without folder. */
  readonly file: string;
  /** Heading of the test, without what differs from suite to suite. */
  readonly heading: string;
  /** Inner headings and title. */
  readonly title: string;
  readonly outcome: Outcome;
}

/** What is read of vitest's report. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
      readonly meta: { readonly versions?: TestedVersions };
    }[];
  }[];
}

type FileReport = VitestReport["testResults"][number];
type Assertion = FileReport["assertionResults"][number];

/**
 * All tests of a run. What was to run and did not counts as failed: a file without a result, a test whose set-up failed (vitest calls
 * that skipped), a clean-up that failed after tests that passed.
 *
 * @param files names of the files that were to run
 * @param report undefined when the run ended without one
 */
export function readResults(files: readonly string[], report: VitestReport | undefined): readonly TestResult[] {
  const byName = new Map(report?.testResults.map((file) => [basename(file.name), file]));
  return files.flatMap((name) => {
    const file = byName.get(name);
    if (file === undefined) return [wholeFile(name, "there is no result of it")];
    const tests = file.assertionResults.map((test) => readTest(name, file, test));
    const unexplained = file.status !== "passed" && tests.every(({ outcome }) => outcome.state !== "failed");
    if (tests.length > 0 && !unexplained) return tests;
    return [...tests, wholeFile(name, firstLine(file.message) || "its set-up or its clean-up failed")];
  });
}

/** What the servers of a run call themselves, as its first test that reports it says. */
export function readVersions(report: VitestReport | undefined): TestedVersions | undefined {
  const tests = report?.testResults.flatMap((file) => file.assertionResults) ?? [];
  return tests.find(({ meta }) => meta.versions !== undefined)?.meta.versions;
}

function readTest(file: string, { status }: FileReport, test: Assertion): TestResult {
  const [first = file, ...inner] = test.ancestorTitles;
  const [, heading = first, reason] = /^(.*?)(?: \(skipped: (.*)\))?$/s.exec(first) ?? [];
  return {
    file,
    heading: heading.replace(/ on Slurm \d+\.\d+$| \((bookworm|trixie|sid)\)$/, ""),
    title: [...inner, test.title].join(": "),
    outcome: readOutcome(test, status, reason),
  };
}

function readOutcome(test: Assertion, fileStatus: string, reason: string | undefined): Outcome {
  if (test.status === "passed") return { state: "passed" };
  if (test.status === "skipped" && reason !== undefined) return { state: "skipped", reason };
  if (test.status === "skipped" && fileStatus === "passed") return { state: "skipped", reason: "the test says why" };
  return { state: "failed", message: firstLine(test.failureMessages.join("\n")) || "it did not come to run" };
}

const wholeFile = (file: string, message: string): TestResult => ({
  file,
  heading: file,
  title: "the file as a whole",
  outcome: { state: "failed", message },
});

function firstLine(text: string): string {
  const lines = stripVTControlCharacters(text).split("\n");
  return lines.find((line) => line.trim() !== "")?.trim() ?? "";
}
