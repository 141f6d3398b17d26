/** What a worker group's Pod template gives to slurmd. */
import { parseQuantity } from "./quantity.ts";
import type { WorkerGroupSpec } from "./slurm-cluster.ts";

/** The limits of the first container, which runs slurmd, and how long a Pod may take to end. */
export interface WorkerTemplate {
  /** CPUs as slurmd is told: a share of one counts as one (downward API, `divisor: 1`). Absent for no limit. */
  readonly cpus?: number;
  /** MiB. Absent for no limit. */
  readonly memory?: number;
  /** GPUs of whatever vendor: the sum of the limits that end in `/gpu`. */
  readonly gpus: number;
  /** Seconds. */
  readonly terminationGracePeriod: number;
}

/** What Kubernetes gives a Pod whose template says nothing, in seconds (API reference, PodSpec). */
const DEFAULT_GRACE = 30;

/** Reads the template of a worker group; `undefined` where there is none. */
export function workerTemplate(group: WorkerGroupSpec): WorkerTemplate | undefined {
  const { spec } = (group.template ?? {}) as {
    spec?: {
      terminationGracePeriodSeconds?: unknown;
      containers?: readonly { resources?: { limits?: Readonly<Record<string, unknown>> } }[];
    };
  };
  if (spec === undefined) return undefined;
  const limits = spec.containers?.[0]?.resources?.limits ?? {};
  const [cpus, memory] = [parseQuantity(limits.cpu), parseQuantity(limits.memory)];
  const gpus = Object.entries(limits).filter(([name]) => name.endsWith("/gpu"));
  const grace = spec.terminationGracePeriodSeconds;
  return {
    ...(cpus !== undefined && { cpus: Math.ceil(cpus) }),
    ...(memory !== undefined && { memory: Math.floor(memory / 2 ** 20) }),
    gpus: gpus.reduce((sum, [, count]) => sum + (parseQuantity(count) ?? 0), 0),
    terminationGracePeriod: typeof grace === "number" ? grace : DEFAULT_GRACE,
  };
}
