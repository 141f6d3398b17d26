/** What a running process has used so far. */
import { readFile } from "node:fs/promises";

/** CPU in milliseconds: its own, and that of children that have ended. Memory in MB (10^6 bytes). */
export interface ProcessUsage {
  readonly ownCpu: number;
  readonly childrenCpu: number;
  readonly resident: number;
  readonly peak: number;
}

/** Reads it from /proc (proc(5)); CPU times are counted in hundredths of a second. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
  ]);
  // Behind the name, which may hold anything, field 3 is the first.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
  const megabytes = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024) / 1e6;
  return {
    ownCpu: (utime + stime) * 10,
    childrenCpu: (cutime + cstime) * 10,
    resident: megabytes("VmRSS"),
    peak: megabytes("VmHWM"),
  };
}
