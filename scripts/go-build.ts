import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What a script put on this machine, or why it could not. */
export type GoBuild =
  | { readonly path: string; readonly missing?: never }
  | { readonly path?: never; readonly missing: string };

/**
 * Runs a script that builds something with Go, unless it has done so before, and prints its path (see go-functions.sh). It says on standard
 * error what it does.
 *
 * @throws Error with the script's output when the build fails
 */
export async function runGoBuild(script: string): Promise<GoBuild> {
  try {
    const running = promisify(execFile)("bash", [script], { maxBuffer: 1 << 26 });
    running.child.stderr?.pipe(process.stderr);
    return { path: (await running).stdout.trim() };
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    // The one way to end that is no failure; go-functions.sh says so.
    if (code === 3) return { missing: (stderr ?? "").trim() };
    throw new Error(`${script} failed`, { cause: error });
  }
}
