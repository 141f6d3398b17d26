/** `slurmctld-copilot status`. */
import { SettingsError } from "../../settings/settings-error.ts";
import { statusJson } from "../status/json.ts";
import { renderStatus } from "../status/render.ts";
import { inspect } from "./look.ts";
import { print, startProgress, terminalStyle } from "./output.ts";
import type { ConnectionFlags, Environment } from "./setup.ts";

/** Flags of the command. */
export interface StatusFlags extends ConnectionFlags {
  readonly all?: boolean;
  readonly json?: boolean;
}

/** What `--help` says below the flags. */
export const statusHelp = `
It asks the copilot that runs on this host, over its socket; where none answers it reads Slurm and the Kubernetes API once. STATE is sinfo's
word; WANTED is yes for a node in podsToBeCreated, no for one in podsToBeDeleted; NEXT is what the copilot will do if nothing changes.

Exit codes:
  0  shown
  1  something could not be read; what is known is shown, and the rest said
  2  wrong usage, or settings that leave no way to look

Examples:
  slurmctld-copilot status
  slurmctld-copilot status --all
  slurmctld-copilot status --json | jq '.workers[] | select(.next != null) | {name, next: .next.what}'`;

/** Shows the status; resolves to the exit code. */
export async function showStatus(flags: StatusFlags, env: Environment): Promise<number> {
  const progress = startProgress();
  try {
    const { look } = await inspect(flags, env, progress.step);
    const all = flags.all === true;
    await print(flags.json === true ? statusJson(look, all) : renderStatus(look, all, terminalStyle()));
    return look.problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`slurmctld-copilot status: ${error.message}\n`);
    return 2;
  } finally {
    progress.end();
  }
}
