/** Running scontrol: found once by absolute path, given an argument list and almost no environment, and killed when it hangs. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/**
 * What one run of scontrol came to. `message` is for people and only set when it failed; `answered` tells a refusal of slurmctld from no
 * answer at all (controller down, scontrol missing, killed), which the next call would not get either.
 */
type ScontrolResult =
  | { readonly ok: true; readonly stdout: string }
  | { readonly ok: false; readonly stdout: string; readonly message: string; readonly answered: boolean };

/** Runs scontrol with these arguments. Never rejects: a program that is missing, fails or hangs is a result. */
export type Scontrol = (args: readonly string[]) => Promise<ScontrolResult>;

/** How {@link createScontrol} finds and runs the program. */
interface ScontrolOptions {
  /** Absolute path; when absent the usual folders and PATH are searched. */
  readonly path?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds on any clock. */
  readonly now: () => number;
  /**
   * Milliseconds that all runs together may take, from the first one on; then what runs is killed and nothing more is started.
   *
   * @default 15000
   */
  readonly budget?: number;
}

/**
 * The usual budget, in milliseconds: scontrol itself waits MessageTimeout (10 s) for a slurmctld that does not answer before it says so.
 * One budget is for one purpose: who looks at Slurm and then changes it takes two, or a long look leaves no time for the change.
 */
const BUDGET = 15_000;

/** Folders that distributions and site builds install Slurm to. slurmctld passes no PATH to its programs. */
const usualFolders = ["/usr/bin", "/usr/local/bin", "/opt/slurm/bin", "/usr/local/slurm/bin", "/opt/slurm/current/bin"];

/** Where scontrol is, or `undefined`. */
function findScontrol(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const folders = [...usualFolders, ...(env.PATH ?? "").split(":").filter((folder) => folder.startsWith("/"))];
  return folders.map((folder) => join(folder, "scontrol")).find(isExecutable);
}

/**
 * Makes the function that runs scontrol. Its environment is SLURM_CONF, as everything else there might change what it does, and a TZ
 * with which it prints times in UTC: in local time, without an offset, they would be ambiguous.
 * Success is the exit code: Slurm 22.05 writes warnings about unknown ReconfigFlags to stderr and goes on.
 */
export function createScontrol(options: ScontrolOptions): Scontrol {
  const { env, now, budget = BUDGET } = options;
  const environment = { TZ: "UTC0", ...(env.SLURM_CONF !== undefined && { SLURM_CONF: env.SLURM_CONF }) };
  let path = options.path;
  let end: number | undefined;
  return (args) => {
    end ??= now() + budget;
    path ??= findScontrol(env);
    const timeout = Math.ceil(end - now());
    if (path === undefined) {
      return noAnswer(`scontrol not found in ${usualFolders.join(", ")}; name it in the settings file as "scontrol"`);
    }
    const killed = `${path} did not answer within ${budget / 1000} s`;
    if (timeout <= 0) return noAnswer(killed);
    const child = { env: environment, timeout, killSignal: "SIGKILL", maxBuffer: 256 * 1024 * 1024 } as const;
    const program = path;
    return new Promise((resolve) => {
      execFile(program, [...args], child, (error, stdout, stderr) => {
        if (error === null) resolve({ ok: true, stdout });
        else if (error.killed === true) resolve({ ok: false, stdout, message: killed, answered: false });
        else resolve({ ok: false, stdout, ...describeFailure(error, stderr) });
      });
    });
  };
}

async function noAnswer(message: string): Promise<ScontrolResult> {
  return { ok: false, stdout: "", message, answered: false };
}

/** scontrol says "Unable to contact slurm controller" in all versions, and exits with 1 as for a refusal. */
function describeFailure(error: Error & { code?: unknown }, stderr: string): { message: string; answered: boolean } {
  const said = stderr.trim().split("\n").at(-1);
  const message = said ? `${said} (exit code ${String(error.code)})` : error.message;
  return {
    message,
    answered: typeof error.code === "number" && !stderr.includes("Unable to contact slurm controller"),
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
