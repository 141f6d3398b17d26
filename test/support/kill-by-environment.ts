import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

type Variables = Readonly<Record<string, string>>;

/**
 * Sends SIGKILL to every process whose environment has all of `variables`, and returns how many there were.
 *
 * That is how what a daemon started is found: slurmstepd leaves slurmd's process group, session and parent, jobs leave
 * slurmstepd's, but all of them keep these variables. Synchronous, so that it also works at exit.
 */
function killByEnvironment(variables: Variables): number {
  const wanted = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => {
      const environment = environmentOf(pid);
      return wanted.every((variable) => environment.has(variable));
    });
  for (const pid of pids) killIfThere(pid);
  return pids.length;
}

/** {@link killByEnvironment} until there is nothing left to kill. @throws Error when that takes more than 10 seconds */
export async function killAllByEnvironment(variables: Variables): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (killByEnvironment(variables) === 0) return;
    await sleep(50);
  }
  throw new Error(`processes with ${JSON.stringify(variables)} in their environment survive SIGKILL`);
}

/** The same without giving way to anything else, for use at exit. Gives up in silence: at exit there is nobody to tell. */
export function killAllByEnvironmentNow(variables: Variables): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; attempt < 100 && killByEnvironment(variables) > 0; attempt += 1) Atomics.wait(clock, 0, 0, 20);
}

/** The `NAME=value` strings of a process; none when it has ended meanwhile, is a zombie, or is hidden even from root (a container's init). */
function environmentOf(pid: number): ReadonlySet<string> {
  try {
    return new Set(readFileSync(`/proc/${pid}/environ`, "utf8").split("\0"));
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].some((code) => hasCode(error, code))) return new Set();
    throw error;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
