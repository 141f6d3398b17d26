/** What all checks came to, as an object for programs and as text for people. */
import { amount } from "../../text/amount.ts";
import { oneLine } from "../../text/one-line.ts";
import { foldText } from "../../text/table.ts";
import type { TextStyle } from "../status/render.ts";
import type { Check } from "./check.ts";
import type { Finding, Severity } from "./codes.ts";
import type { Facts } from "./facts.ts";

/** The outcome; also the shape of `--json`, which docs/check.md describes. */
export interface Report {
  readonly version: string;
  /** `namespace/name`; absent when it cannot be told. */
  readonly cluster?: string;
  readonly slurmVersion?: string;
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
  /** The most serious first. */
  readonly findings: readonly Finding[];
  /** Names of the checks that found no more than notes. */
  readonly passed: readonly string[];
  /** What could not be checked, and why. */
  readonly unchecked: readonly { readonly check: string; readonly why: string }[];
}

const severities: readonly Severity[] = ["error", "warning", "note"];

/** Runs the checks. */
export function runChecks(checks: readonly Check[], facts: Facts): Report {
  const outcomes = checks.map(({ name, run }) => ({ name, ...run(facts) }));
  const all = outcomes.flatMap(({ findings }) => findings);
  const findings = severities.flatMap((severity) => all.filter((each) => each.severity === severity));
  const count = (severity: Severity): number => all.filter((each) => each.severity === severity).length;
  const passed = outcomes.filter(
    (outcome) => outcome.unchecked === undefined && outcome.findings.every(({ severity }) => severity === "note"),
  );
  const { cluster } = facts.here;
  const slurmVersion = "unknown" in facts.config ? undefined : facts.config.value.slurmVersion;
  return {
    version: facts.version,
    ...("value" in cluster && { cluster: `${cluster.value.namespace}/${cluster.value.name}` }),
    ...(slurmVersion !== undefined && { slurmVersion }),
    errors: count("error"),
    warnings: count("warning"),
    notes: count("note"),
    findings: findings.map(cleaned),
    passed: passed.map(({ name }) => name),
    unchecked: outcomes.flatMap(({ name, unchecked }) =>
      unchecked === undefined ? [] : [{ check: name, why: oneLine(unchecked) }],
    ),
  };
}

/** 0: no errors; 1: errors; 2: settings that leave no way to work. */
export function exitCodeOf({ errors, findings }: Report): 0 | 1 | 2 {
  if (findings.some(({ code }) => code === "NoCluster" || code === "NoConnection")) return 2;
  return errors > 0 ? 1 : 0;
}

const headings: Readonly<Record<Severity, readonly [string, "green" | "red" | "yellow"]>> = {
  error: ["ERRORS", "red"],
  warning: ["WARNINGS", "yellow"],
  note: ["NOTES", "green"],
};

/** Lines for people. */
export function renderReport(report: Report, style: TextStyle): string[] {
  const { cluster = "unknown cluster", findings, slurmVersion, unchecked, version } = report;
  const slurm = slurmVersion === undefined ? "" : `, Slurm ${slurmVersion}`;
  return [
    `slurm-power-agent ${version}, SlurmCluster ${cluster}${slurm}`,
    "",
    ...severities.flatMap((severity) => {
      const own = findings.filter((each) => each.severity === severity);
      const [title, colour] = headings[severity];
      return own.length === 0
        ? []
        : [style.colour(colour, title), "", ...own.flatMap((each) => render(each, colour, style))];
    }),
    ...(unchecked.length === 0 ? [] : ["NOT CHECKED", "", ...renderUnchecked(unchecked, style), ""]),
    summary(report),
  ];
}

function render(each: Finding, colour: "green" | "red" | "yellow", style: TextStyle): string[] {
  return [
    `  ${style.colour(colour, each.subject)}  ${each.code}`,
    ...paragraph("what", each.cause, style),
    ...paragraph("why", each.effect, style),
    ...paragraph("do", each.fix, style),
    "",
  ];
}

function renderUnchecked(unchecked: Report["unchecked"], style: TextStyle): string[] {
  const byReason = Object.groupBy(unchecked, ({ why }) => why);
  return Object.entries(byReason).flatMap(([why, same = []]) => [
    ...indented("  ", same.map(({ check }) => check).join("; "), style),
    ...paragraph("why", why, style),
  ]);
}

/** `label` and text, which is folded under itself. */
function paragraph(label: string, text: string, style: TextStyle): string[] {
  return indented(`    ${`${label}:`.padEnd(6)}`, text, style);
}

function indented(first: string, text: string, { width }: TextStyle): string[] {
  const lines = width === undefined ? [text] : foldText(text, Math.max(40, width - first.length));
  return lines.map((line, index) => (index === 0 ? first : " ".repeat(first.length)) + line);
}

function summary({ errors, notes, passed, unchecked, warnings }: Report): string {
  const counted = [amount(errors, "error"), amount(warnings, "warning"), amount(notes, "note")].join(", ");
  const rest = unchecked.length === 0 ? "" : `, ${unchecked.length} not done or not completely`;
  return `${counted}; ${amount(passed.length, "check")} passed${rest}`;
}

function cleaned(each: Finding): Finding {
  return { ...each, subject: oneLine(each.subject), cause: oneLine(each.cause), fix: oneLine(each.fix) };
}
