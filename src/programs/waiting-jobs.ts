/**
 * Which jobs waited for nodes that did not come. slurmctld does not tell ResumeFailProgram, and has requeued the jobs by then, so that
 * nothing in Slurm leads from the node to them (seen with 22.05). What slurm-resume logged does.
 */
import { expandHostlist } from "hostlist-parse";
import { readEndIfPresent } from "../settings/files.ts";
import { SettingsError } from "../settings/settings-error.ts";

/** How much of the log's end is read, in bytes: the wake-ups of ResumeTimeout, not the log of a year. */
const TAIL = 4 * 1024 * 1024;

/** What `waitingMessage` wrote, in a line of either log format; the run id comes first in text and as `"run"` in JSON. */
const waiting = /job (\d+)(?: \(partition [^)]*\))? waits for ([^\s"]+)/;
const run = /"run":"([0-9a-f]+)"|^\S+ \S+ +([0-9a-f]+) /;

/**
 * Finds for each node the jobs that the last run of slurm-resume which woke it named. Nodes without any, woken by hand or too long ago,
 * are absent. `log` is the text of slurm-resume.log, possibly cut off at its beginning.
 */
export function findWaitingJobs(log: string, nodes: ReadonlySet<string>): Map<string, number[]> {
  const jobs = new Map<string, number[]>();
  const runOfNode = new Map<string, string>();
  for (const line of log.split("\n").reverse()) {
    const [, jobId, hostlist] = waiting.exec(line) ?? [];
    const found = run.exec(line);
    if (jobId === undefined || hostlist === undefined || found === null) continue;
    const runId = found[1] ?? found[2] ?? "";
    for (const name of namesIn(hostlist)) {
      if (!nodes.has(name) || (runOfNode.get(name) ?? runId) !== runId) continue;
      runOfNode.set(name, runId);
      jobs.set(name, [Number(jobId), ...(jobs.get(name) ?? [])]);
    }
  }
  return jobs;
}

/** The end of a log; "" where it cannot be read, as the jobs are a help for people and nothing hangs on them. */
export function readTail(path: string): string {
  try {
    return readEndIfPresent(path, TAIL) ?? "";
  } catch (error) {
    if (error instanceof SettingsError) return "";
    throw error;
  }
}

function namesIn(hostlist: string): readonly string[] {
  try {
    return expandHostlist(hostlist);
  } catch {
    // A line cut in half by the rotation or a full disk; the others still count.
    return [];
  }
}
