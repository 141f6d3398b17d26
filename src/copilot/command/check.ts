/** `slurmctld-copilot check`. */

import { SettingsError } from "../../settings/settings-error.ts";
import { version } from "../../version.ts";
import { checks } from "../check/checks.ts";
import { gatherFacts } from "../check/gather/gather.ts";
import { exitCodeOf, renderReport, runChecks } from "../check/report.ts";
import { print, terminalStyle } from "./output.ts";
import { dropPrivileges } from "./privileges.ts";
import { type ConnectionFlags, type Environment, loadSettingsOf, userAgent } from "./setup.ts";

/** Flags of the command. */
export interface CheckFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** What `--help` says below the flags. */
export const checkHelp = `
It changes nothing. Run it on the host of slurmctld, as root or as SlurmUser. Each finding says what is wrong, why that matters, and what to
do; docs/check.md lists them all. Errors: something does not work. Warnings: it works, and worse than it could. Notes: worth knowing.

Exit codes:
  0  no errors
  1  errors
  2  wrong usage, or settings that leave no way to work

Examples:
  slurmctld-copilot check
  slurmctld-copilot check --json | jq -r '.findings[] | [.severity, .code, .subject] | @tsv'`;

/** Longest time for all calls to the API, in milliseconds. */
const PATIENCE = 30_000;

/** Checks everything and tells; resolves to the exit code. */
export async function runCheck(flags: CheckFlags, env: Environment): Promise<number> {
  const settings = await loadSettingsOf(env);
  try {
    dropPrivileges(settings);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`slurmctld-copilot check: ${error.message}\n`);
    return 2;
  }
  const facts = await gatherFacts({
    settings,
    flags,
    env,
    version,
    program: process.argv[1] ?? process.execPath,
    userAgent,
    now: Date.now,
    signal: AbortSignal.timeout(PATIENCE),
  });
  const report = runChecks(checks, facts);
  await print(flags.json === true ? report : renderReport(report, terminalStyle()));
  return exitCodeOf(report);
}
