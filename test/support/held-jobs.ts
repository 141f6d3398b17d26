/** Jobs in a real cluster that run for exactly as long as a test wants them to. */
import { patience } from "./chart-cluster.ts";
import type { TrialCluster } from "./trial-cluster.ts";
import { waitFor } from "./wait-for.ts";

/** What Slurm shows of a job: `JobState`, `NodeList`, `Restarts` and so on, as text. */
export type JobFields = Readonly<Record<string, string>>;

/** Handles jobs of one cluster. */
export interface HeldJobs {
  /** Submits a job of one task that each node runs until {@link HeldJobs.release}. Resolves to its id. */
  readonly submit: (...options: readonly string[]) => Promise<string>;
  /** Submits a job that runs `srun hostname`. Resolves to its id. */
  readonly submitShort: (...options: readonly string[]) => Promise<string>;
  readonly show: (id: string) => Promise<JobFields>;
  /** Waits until the job is in that state, and its start is over: its steps run. */
  readonly until: (id: string, state: string) => Promise<JobFields>;
  /** Lets a running job end. */
  readonly release: (id: string) => Promise<void>;
}

/** Makes the handle. */
export function heldJobs({ cluster, inHead }: TrialCluster): HeldJobs {
  const submit = async (wrap: string, options: readonly string[]): Promise<string> => {
    const answer = await inHead("sbatch", "--parsable", "--chdir=/tmp", ...options, `--wrap=${wrap}`);
    return answer.trim();
  };
  const show = async (id: string): Promise<JobFields> => {
    const text = await inHead("scontrol", "--oneliner", "show", "job", id);
    return Object.fromEntries([...text.matchAll(/(\S+?)=(\S*)/g)].map(([, key = "", value = ""]) => [key, value]));
  };
  const nodesOf = async (id: string): Promise<string[]> => {
    const { NodeList = "" } = await show(id);
    return (await inHead("scontrol", "show", "hostnames", NodeList)).split("\n").filter(Boolean);
  };
  return {
    submit: (...options) => submit("srun bash -c 'until [ -e /tmp/go-$SLURM_JOB_ID ]; do sleep 0.5; done'", options),
    submitShort: (...options) => submit("srun hostname", options),
    show,
    until: (id, state) =>
      waitFor(
        `job ${id} to be ${state}`,
        () => show(id),
        // CONFIGURING is shown as a job that runs, until its nodes have come.
        ({ JobState, BatchHost }) => JobState === state && (state !== "RUNNING" || BatchHost !== undefined),
        patience,
      ),
    release: async (id) => {
      for (const node of await nodesOf(id)) await cluster.kubectl(["exec", node, "--", "touch", `/tmp/go-${id}`]);
    },
  };
}
