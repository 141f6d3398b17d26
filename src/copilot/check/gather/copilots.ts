/** Copilots that run on this host. */
import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";

/** What makes a call of slurmctld-copilot one that looks, or ends by itself. */
const OTHER_CALLS: ReadonlySet<string> = new Set(["--dry-run", "--once", "check", "explain", "help", "status"]);

/**
 * Process ids of the copilots that keep this slurm.conf's nodes in agreement. Those of other users, whose environment may not be read, are
 * not found; root finds all.
 */
export async function findCopilots(slurmConf: string | undefined): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(async (pid) => ((await isCopilot(pid, slurmConf)) ? [Number(pid)] : [])));
  return found.flat();
}

async function isCopilot(pid: string, slurmConf: string | undefined): Promise<boolean> {
  const words = await readList(`/proc/${pid}/cmdline`);
  const position = words.findIndex((word) => basename(word) === "slurmctld-copilot");
  if (position === -1 || words.slice(position).some((word) => OTHER_CALLS.has(word))) return false;
  const environment = await readList(`/proc/${pid}/environ`);
  const own = environment.find((variable) => variable.startsWith("SLURM_CONF="))?.slice("SLURM_CONF=".length);
  return environment.length > 0 && own === slurmConf;
}

/** A list in which each word ends with a zero; empty for a process that is gone or that may not be looked at. */
async function readList(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\0").filter((word) => word !== "");
}
