/**
 * The file that SLURM_RESUME_FILE names: which jobs wait for which of the nodes being resumed.
 *
 * Slurm 21.08 and 22.05 write `{"jobs":[{"job_id","nodes"}],"all_nodes"}`; 23.02 renamed the lists to `nodes_resume`,
 * `nodes_alloc` and `all_nodes_resume` and added `partition`, `features`, `extra`, `oversubscribe`, `reservation`; 26.05 added
 * `exclusive` and `priority` (src/slurmctld/power_save.c). It is a hint: the argument of the program is what counts, so whatever
 * cannot be understood is reported and left out, never fatal.
 */

/** One job that waits for nodes of this call. */
export interface WaitingJob {
  readonly jobId: number;
  /** Hostlist expression of the job's nodes that are being resumed; `null` from Slurm becomes "". */
  readonly nodes: string;
  /** The job's partition; absent before Slurm 23.02. */
  readonly partition?: string;
}

/** What a resume file said, and what of it was not understood (in words for the log). */
export interface ResumeFile {
  readonly jobs: readonly WaitingJob[];
  readonly problems: readonly string[];
}

/** Reads the text of a resume file of any Slurm version; unknown keys are ignored, bad entries become `problems`. */
export function parseResumeFile(text: string): ResumeFile {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { jobs: [], problems: [`it is not JSON: ${(error as Error).message}`] };
  }
  if (!isRecord(document)) return { jobs: [], problems: ["it is not a JSON object"] };
  if (!Array.isArray(document.jobs)) return { jobs: [], problems: ["it has no list of jobs"] };
  const jobs: WaitingJob[] = [];
  const problems: string[] = [];
  for (const [position, entry] of document.jobs.entries()) {
    const job = parseJob(entry);
    if (job === undefined) problems.push(`entry ${position} of its jobs has no job_id`);
    else jobs.push(job);
  }
  return { jobs, problems };
}

function parseJob(entry: unknown): WaitingJob | undefined {
  if (!isRecord(entry) || typeof entry.job_id !== "number") return undefined;
  const nodes = entry.nodes_resume ?? entry.nodes;
  return {
    jobId: entry.job_id,
    nodes: typeof nodes === "string" ? nodes : "",
    ...(typeof entry.partition === "string" && { partition: entry.partition }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
