import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Root folders with a Slurm, by Debian's suite; undefined where this machine has none. */
export const slurmRoots = {
  bookworm: existsSync("/usr/sbin/slurmctld") ? "/" : undefined,
  trixie: debianRoot("trixie"),
  sid: debianRoot("sid"),
};

function debianRoot(suite: string): string | undefined {
  const script = join(import.meta.dirname, "../../scripts/debian-root.sh");
  try {
    return execFileSync("bash", [script, suite, "--print-folder"], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch (error) {
    if (error instanceof Error && "status" in error && error.status === 1) return undefined;
    throw error;
  }
}
