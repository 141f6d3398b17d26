/** The status of a SlurmCluster. Pure. */
import type { PodFailure } from "../kubernetes/pod-failure.ts";
import { childName, type NodeType } from "./names.ts";
import { hasEnded, type ObservedPod } from "./observed-pod.ts";
import type { OperatedCluster } from "./operated-cluster.ts";
import type { WorkersPlan } from "./plan-workers.ts";

/** What the operator writes; lists are sorted. */
export interface ClusterStatus {
  readonly state: "ready" | "unhealthy" | "failed" | "progressing";
  /** The first concrete cause; empty when ready. */
  readonly reason: string;
  readonly availableWorkerReplicas: number;
  readonly availableWorkers: readonly string[];
  readonly observedGeneration: number;
}

/** What a status is made from. */
export interface StatusInput {
  readonly cluster: OperatedCluster;
  readonly plan: WorkersPlan;
  /** All Pods that bear the cluster's label; their failures tell from when on they count. */
  readonly pods: readonly ObservedPod[];
  /** What the API refused, in order. */
  readonly refusals: readonly string[];
  /** Epoch milliseconds. */
  readonly now: number;
}

/** How long a Pod may fail, or a daemon be without readiness, before the cluster is called unhealthy, in milliseconds. */
const GRACE = 60_000;

/** The API may repeat a whole template in its refusal. */
const LONGEST_REASON = 1000;

/**
 * The state is the first that applies: `failed` (the resource itself is wrong), `unhealthy` (something was refused, or fails for longer
 * than a minute), `progressing` (something that is to be there is not ready, or something goes), `ready`.
 */
export function buildStatus(input: StatusInput): ClusterStatus {
  const { cluster, pods } = input;
  const availableWorkers = pods
    .filter((pod) => isOwn(pod, cluster) && pod.type === "worker" && pod.ready && pod.deleted === undefined)
    .map(({ name }) => name)
    .sort(byIndex);
  const { state, reason } = stateOf(input);
  return {
    state,
    reason: reason.slice(0, LONGEST_REASON),
    availableWorkerReplicas: availableWorkers.length,
    availableWorkers,
    observedGeneration: cluster.generation,
  };
}

function stateOf(input: StatusInput): Pick<ClusterStatus, "state" | "reason"> {
  const { cluster, plan, refusals } = input;
  const [problem] = cluster.problems;
  if (problem !== undefined) return { state: "failed", reason: problem };
  const unhealthy = refusals[0] ?? daemonFailure(input) ?? workerFailure(input) ?? nameProblem(plan);
  if (unhealthy !== undefined) return { state: "unhealthy", reason: unhealthy };
  const pending = pendingReason(input);
  return pending === undefined ? { state: "ready", reason: "" } : { state: "progressing", reason: pending };
}

/** One of the daemons beside the workers that is to run. */
interface Daemon {
  /** What is missing where it has fewer Pods than it is to have. */
  readonly name: string;
  readonly replicas: number;
  /** Sorted. Kubernetes' controllers make them, so their owner does not tell; until then there is nothing to tell. */
  readonly pods: readonly ObservedPod[];
}

/** In the order in which they need each other, so that a cause comes before what follows from it. */
function daemonsOf({ cluster, pods }: StatusInput): readonly Daemon[] {
  const { head, name, slurmdbd, slurmrestd } = cluster;
  const isHead = (pod: ObservedPod): boolean => pod.type === "head" && pod.name === `${name}-0`;
  // A Deployment leaves Pods that have ended, and puts others in their place.
  const isOf = (type: NodeType) => (pod: ObservedPod) =>
    pod.type === type && pod.deleted === undefined && !hasEnded(pod);
  const all = [
    { spec: slurmdbd, name: `a Pod of ${childName(name, "slurmdbd")}`, is: isOf("slurmdbd") },
    { spec: head, name: `${name}-0`, is: isHead },
    { spec: slurmrestd, name: `a Pod of ${childName(name, "slurmrestd")}`, is: isOf("slurmrestd") },
  ];
  return all.flatMap(({ spec, is, ...daemon }) =>
    spec === undefined || spec.replicas === 0
      ? []
      : [{ ...daemon, replicas: spec.replicas, pods: pods.filter(is).sort((a, b) => byIndex(a.name, b.name)) }],
  );
}

/** What names a cause comes before what is only late. */
function daemonFailure(input: StatusInput): string | undefined {
  const { now } = input;
  const waits = daemonsOf(input).flatMap((daemon) => daemon.pods.filter(({ ready }) => !ready));
  for (const { failure, name } of waits) {
    if (failure !== undefined && lasting(failure, now)) return failing(name, failure);
  }
  const late = waits.find(({ created, failure }) => failure === undefined && now - created > GRACE);
  return late && `${late.name} is not ready`;
}

function workerFailure({ plan, pods, now }: StatusInput): string | undefined {
  const desired = new Set(plan.groups.flatMap((group) => group.desired));
  const failed = pods
    .filter((pod) => desired.has(pod.name) && pod.type === "worker" && pod.deleted === undefined)
    .filter(({ failure }) => failure !== undefined && lasting(failure, now))
    .sort((a, b) => byIndex(a.name, b.name));
  const [first] = failed;
  return first?.failure && failing(first.name, first.failure);
}

function nameProblem({ groups }: WorkersPlan): string | undefined {
  const [tooLong] = groups.flatMap((group) => group.tooLong);
  return tooLong && `${tooLong} is longer than the 63 characters of a host name; the worker is not created`;
}

function pendingReason(input: StatusInput): string | undefined {
  const { cluster, plan, pods } = input;
  const byName = new Map(pods.filter((pod) => isOwn(pod, cluster)).map((pod) => [pod.name, pod]));
  for (const daemon of daemonsOf(input)) {
    const waits = daemon.pods.find(({ ready }) => !ready);
    if (waits !== undefined) return waiting(waits.name, waits);
    if (daemon.pods.length < daemon.replicas) return waiting(daemon.name, undefined);
  }
  const desired = plan.groups.flatMap((group) => group.desired);
  const missing = desired.filter((name) => byName.get(name)?.ready !== true || byName.get(name)?.deleted !== undefined);
  const [first] = missing;
  if (first !== undefined) {
    return `${missing.length} of ${desired.length} workers are not ready; ${waiting(first, byName.get(first))}`;
  }
  const going = [...byName.values()].filter((pod) => pod.type === "worker" && pod.deleted !== undefined);
  const [leaving] = going.map(({ name }) => name).sort(byIndex);
  return leaving && `${going.length} workers are being deleted; ${leaving} first`;
}

function waiting(name: string, pod: ObservedPod | undefined): string {
  if (pod === undefined) return `${name} is not there yet`;
  if (pod.deleted !== undefined) return `${name} is being deleted`;
  return pod.failure === undefined ? `${name} is ${pod.phase}` : failing(name, pod.failure);
}

function failing(name: string, { code, message }: PodFailure): string {
  return `${name}: ${message.startsWith(code) ? message : `${code}: ${message}`}`;
}

function lasting({ since }: PodFailure, now: number): boolean {
  return now - since > GRACE;
}

function isOwn({ owner }: ObservedPod, { uid }: OperatedCluster): boolean {
  return owner === uid;
}

const collator = new Intl.Collator("en", { numeric: true });
const byIndex = (a: string, b: string): number => collator.compare(a, b);
