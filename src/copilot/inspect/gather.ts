/** What the inspecting commands go by: a running copilot's own view, or one look at Slurm and the API. Nothing is changed. */
import { getFromSocket } from "../../http/unix-client.ts";
import { KubernetesError } from "../../kubernetes/errors.ts";
import { listObjects } from "../../kubernetes/list.ts";
import type { Api } from "../../kubernetes/request.ts";
import {
  getSlurmCluster,
  type SlurmCluster,
  type SlurmClusterRef,
  toSlurmCluster,
} from "../../kubernetes/slurm-cluster.ts";
import { toWorkerPod, type WorkerPod, workerPods } from "../../kubernetes/worker-pods.ts";
import { readSlurm, SlurmReadError, type SlurmReading } from "../../slurm/reading.ts";
import type { Scontrol } from "../../slurm/scontrol.ts";
import { type CopilotView, decodeView } from "../view.ts";

/** A copilot that listens and cannot be asked: the user may not, it hangs, or it speaks another language. The message says which. */
export class CopilotSilentError extends Error {
  override readonly name = "CopilotSilentError";
}

/**
 * Asks the copilot that listens on a Unix socket for its view.
 *
 * @returns undefined when none runs: there is no socket, or one that a killed process left behind
 * @throws CopilotSilentError
 */
export async function askCopilot(socket: string): Promise<CopilotView | undefined> {
  try {
    return decodeView(await getFromSocket(socket, "/v1/view"));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ECONNREFUSED") return undefined;
    if (code === "EACCES" || code === "EPERM") {
      throw new CopilotSilentError(`this user may not ask the copilot on ${socket}; root and SlurmUser may`, { cause });
    }
    throw new CopilotSilentError(`the copilot on ${socket} cannot be asked: ${message}`, { cause });
  }
}

/** Each part that could be read, and a sentence for each that could not: `problems` is empty exactly when all three are there. */
export interface Reading {
  readonly slurm?: SlurmReading;
  readonly resource?: SlurmCluster;
  readonly pods?: ReadonlyMap<string, WorkerPod>;
  readonly problems: readonly string[];
}

/** What {@link readEverything} reads with. */
export interface ReadingContext {
  readonly cluster: SlurmClusterRef;
  /** With two connections both lists come at once. */
  readonly api: Api;
  readonly scontrol: Scontrol;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Ends the calls to the API, which are bounded one by one as well. */
  readonly signal: AbortSignal;
}

/** Reads Slurm, the SlurmCluster and its worker Pods once, side by side. Rejects only for a defect of ours. */
export async function readEverything(context: ReadingContext): Promise<Reading> {
  const { api, cluster, scontrol, signal } = context;
  const problems: string[] = [];
  const [slurm, resource, pods] = await Promise.all([
    orProblem(readSlurm(scontrol, new Set()), "Slurm is unknown", problems),
    orProblem(getSlurmCluster(api, cluster, signal), "the SlurmCluster cannot be read", problems),
    orProblem(listWorkerPods(context), "its Pods cannot be listed", problems),
  ]);
  return {
    ...(slurm !== undefined && { slurm }),
    ...(resource !== undefined && { resource: toSlurmCluster(resource) ?? resource }),
    ...(pods !== undefined && { pods }),
    problems,
  };
}

async function listWorkerPods({ api, cluster, now, signal }: ReadingContext): Promise<ReadonlyMap<string, WorkerPod>> {
  const pods = new Map<string, WorkerPod>();
  await listObjects(api, workerPods(cluster), signal, (items) => {
    for (const item of items) {
      const pod = toWorkerPod(item, now());
      if (pod !== undefined) pods.set(pod.name, pod);
    }
  });
  return pods;
}

/** What a promise resolves to, or its failure as one more problem. */
async function orProblem<T>(reading: Promise<T>, what: string, problems: string[]): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof SlurmReadError) && !(error instanceof KubernetesError)) throw error;
    problems.push(`${what}: ${error.message}`);
    return undefined;
  }
}
