/** Waking all of a job's nodes or none: a job that lacks one node would only hold the others, and their cost, for nothing. */
import { expandHostlist } from "hostlist-parse";
import { type RefusedNodeName, type ResolvedNames, workerName } from "../slurm/node-name.ts";
import type { WaitingJob } from "../slurm/resume-file.ts";

/**
 * Takes the nodes out of a request that only jobs wait for which cannot get all of theirs. Nodes that another, complete job waits for
 * stay, as do nodes that no job names (POWER_UP by hand). A job whose node list cannot be read takes nothing out.
 */
export function withholdIncompleteJobs(
  resolved: ResolvedNames,
  jobs: readonly WaitingJob[],
  cluster: string,
): ResolvedNames {
  if (jobs.length === 0) return resolved;
  const refusedNames = new Set(resolved.refused.map(({ name }) => name));
  const needed = new Set<string>();
  const withheld = new Map<string, RefusedNodeName>();
  for (const { jobId, nodes } of jobs) {
    const names = expandOrNothing(nodes);
    const missing = names.find((name) => refusedNames.has(name));
    for (const name of names) {
      if (missing === undefined) needed.add(name);
      else {
        const message = `is not woken as job ${jobId} waits for ${missing} too, which cannot be`;
        withheld.set(name, { name, refusal: "JobIncomplete", message });
      }
    }
  }
  for (const name of [...needed, ...refusedNames]) withheld.delete(name);
  const byGroup = new Map<string, ReadonlySet<number>>();
  const taken: RefusedNodeName[] = [];
  for (const [group, indexes] of resolved.byGroup) {
    const kept = new Set<number>();
    for (const index of indexes) {
      const refusal = withheld.get(workerName(cluster, group, index));
      if (refusal === undefined) kept.add(index);
      else taken.push(refusal);
    }
    if (kept.size > 0) byGroup.set(group, kept);
  }
  return { byGroup, refused: [...resolved.refused, ...taken] };
}

function expandOrNothing(nodes: string): readonly string[] {
  try {
    return expandHostlist(nodes);
  } catch {
    // The argument of the program is what counts; the resume file is a hint, and one that is unreadable withholds nothing.
    return [];
  }
}
