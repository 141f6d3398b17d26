/** One look at one cluster: what is to be is compared with what is, and the difference is carried out. */
import { KubernetesError } from "../../kubernetes/errors.ts";
import type { EventText } from "../../kubernetes/events.ts";
import { dateFailures, type FailingSince } from "../../kubernetes/failing-since.ts";
import { slurmClusterPath } from "../../kubernetes/slurm-cluster.ts";
import { buildChildren } from "../build/children.ts";
import { hasLimits, templateHash } from "../build/worker.ts";
import type { ObservedPod } from "../observed-pod.ts";
import { type OperatedCluster, toOperatedCluster } from "../operated-cluster.ts";
import { planWorkers, type WorkersPlan } from "../plan-workers.ts";
import { buildStatus, type ClusterStatus } from "../status.ts";
import { type ChildrenState, childrenHash, ensureChildren, untilChildren } from "./children.ts";
import {
  contradictoryWorkers,
  foreignNames,
  invalidSpec,
  outdatedWorkers,
  refused,
  surplusWorkers,
  withoutLimits,
} from "./events.ts";
import { carryOut, type WorkersContext } from "./workers.ts";
import { TRUSTED } from "./writes.ts";

/** What a look needs. */
export interface ReconcileContext extends WorkersContext {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The clock of the rate limit, in milliseconds. */
  readonly monotonic: () => number;
  /** What is remembered of clusters' children, by UID: what was last applied, never what is expected. */
  readonly children: Map<string, ChildrenState>;
  /** What is remembered of clusters' Pods that fail, by the cluster's UID. */
  readonly failing: Map<string, FailingSince>;
  /** Tells of how things are, which every look finds again: once, and again after a while. */
  readonly tellState: (event: EventText) => void;
  /** Told what was seen, for the metrics. */
  readonly onStatus: (status: ClusterStatus, plan: WorkersPlan) => void;
  readonly log: (message: string) => void;
}

const none: WorkersPlan = { groups: [], orphans: [] };

/** Longest time between two looks, in milliseconds: grace periods end without an event. */
const RESYNC = 30_000;

/**
 * Looks at a cluster, and acts. Throws {@link KubernetesError} where the status cannot be written; everything else that fails is in the
 * status.
 *
 * @param seen all Pods that bear the cluster's label
 * @returns milliseconds until the next look, if nothing changes before
 */
export async function reconcile(
  cluster: OperatedCluster,
  seen: readonly ObservedPod[],
  context: ReconcileContext,
): Promise<number> {
  const { monotonic, now } = context;
  const seenAt = monotonic();
  // Kubernetes' garbage collection takes its children.
  if (cluster.deleting) return RESYNC;
  const byUid = seen.map((pod) => [pod.uid, pod] as const);
  const { dated, failing } = dateFailures(byUid, context.failing.get(cluster.uid) ?? new Map(), now());
  context.failing.set(cluster.uid, failing);
  const pods = seen.map((pod) => dated.get(pod.uid) ?? pod);
  if (cluster.problems.length > 0) {
    for (const problem of cluster.problems) context.tellState(invalidSpec(problem));
    await writeStatus(cluster, buildStatus({ cluster, pods, plan: none, refusals: [], now: now() }), none, context);
    return RESYNC;
  }
  const children = await reconcileChildren(cluster, pods, seenAt, context);
  const planned = planWorkers(cluster, pods);
  const confirmed = removes(planned)
    ? await confirm(cluster, pods, context)
    : { cluster, plan: planned, confirmedAt: seenAt };
  // What changes under us comes as a change, and with it the next look.
  if (confirmed === undefined) return RESYNC;
  const { refusals, again } = confirmed.problem
    ? { refusals: [confirmed.problem], again: 1000 }
    : await carryOut(confirmed.cluster, confirmed.plan, confirmed.confirmedAt, context);
  tellAll(confirmed.cluster, confirmed.plan, pods, context);
  for (const refusal of [...children.refusals, ...refusals]) context.tellState(refused(refusal));
  const status = buildStatus({
    cluster: confirmed.cluster,
    plan: confirmed.plan,
    pods,
    refusals: [...children.refusals, ...refusals],
    now: now(),
  });
  await writeStatus(confirmed.cluster, status, confirmed.plan, context);
  return Math.min(RESYNC, again, children.again);
}

function removes({ groups, orphans }: WorkersPlan): boolean {
  return orphans.length > 0 || groups.some(({ remove }) => remove.length > 0);
}

/** What is carried out, and when the resource was known to call for it. */
interface Confirmed {
  readonly cluster: OperatedCluster;
  readonly plan: WorkersPlan;
  readonly confirmedAt: number;
  /** Why it is not carried out, if so. */
  readonly problem?: string;
}

/**
 * Plans again with the resource as it is at this moment: what the watch shows may be old, and in between a worker that was to go may
 * have been asked for again.
 */
async function confirm(
  cluster: OperatedCluster,
  pods: readonly ObservedPod[],
  { monotonic, writes }: ReconcileContext,
): Promise<Confirmed | undefined> {
  // Before the answer: the resource may change while that is on its way.
  const confirmedAt = monotonic();
  try {
    const fresh = toOperatedCluster(await writes.read(slurmClusterPath(cluster)));
    if (fresh === undefined || fresh.uid !== cluster.uid || fresh.deleting || fresh.problems.length > 0) {
      return undefined;
    }
    const confirmed = { cluster: fresh, plan: planWorkers(fresh, pods), confirmedAt };
    const took = monotonic() - confirmedAt;
    // Every write would come too late. Whole seconds, so that each look finds the same text.
    if (took <= TRUSTED) return confirmed;
    return { ...confirmed, problem: `nothing is deleted: the API took ${Math.floor(took / 1000)} s to answer` };
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.kind === "NotFound") return undefined;
    return { cluster, plan: planWorkers(cluster, pods), confirmedAt, problem: `nothing is deleted: ${error.message}` };
  }
}

async function reconcileChildren(
  cluster: OperatedCluster,
  pods: readonly ObservedPod[],
  confirmedAt: number,
  { build, children: states, monotonic, writes }: ReconcileContext,
): Promise<{ readonly refusals: readonly string[]; readonly again: number }> {
  const children = buildChildren(cluster, build);
  const hash = childrenHash(children);
  const headMissing = (cluster.head?.replicas ?? 0) > 0 && !pods.some(({ name }) => name === `${cluster.name}-0`);
  const state = states.get(cluster.uid);
  const wait = untilChildren(state, hash, headMissing, monotonic());
  if (state !== undefined && wait > 0) return { refusals: state.refusals, again: wait };
  const versions = state?.hash === hash ? state.versions : new Map<string, string>();
  const result = await ensureChildren(children, { ...cluster, confirmedAt }, versions, writes);
  const fresh = { ...result, hash, at: monotonic() };
  states.set(cluster.uid, fresh);
  return { refusals: fresh.refusals, again: untilChildren(fresh, hash, headMissing, fresh.at) };
}

/** The Events that describe how things are. */
function tellAll(
  cluster: OperatedCluster,
  plan: WorkersPlan,
  pods: readonly ObservedPod[],
  { build, tellState }: ReconcileContext,
): void {
  const events: EventText[] = [];
  for (const each of plan.groups) {
    const group = cluster.groups.find(({ name }) => name === each.group);
    if (group === undefined) continue;
    if (each.surplus.length > 0) events.push(surplusWorkers(each.surplus, each.managed));
    if (each.contradictory.length > 0) events.push(contradictoryWorkers(each.contradictory));
    if (each.foreignNames.length > 0) events.push(foreignNames(each.foreignNames));
    if (!hasLimits(group)) events.push(withoutLimits(group.name));
    const hash = templateHash(cluster, group, build);
    const desired = new Set(each.desired);
    const old = pods.filter(({ name, templateHash: made }) => desired.has(name) && made !== undefined && made !== hash);
    if (old.length > 0) events.push(outdatedWorkers(old.map(({ name }) => name)));
  }
  for (const event of events) tellState(event);
}

/** Writes the status where it is different: a write for nothing would be a change, and that another look. */
async function writeStatus(
  cluster: OperatedCluster,
  status: ClusterStatus,
  plan: WorkersPlan,
  { log, now, onStatus, writes }: ReconcileContext,
): Promise<void> {
  onStatus(status, plan);
  const { availableWorkers, ...rest } = status;
  const before: Readonly<Record<string, unknown>> = { reason: "", ...cluster.status };
  const same =
    JSON.stringify(before.availableWorkers ?? []) === JSON.stringify(availableWorkers) &&
    Object.entries(rest).every(([key, value]) => before[key] === value);
  if (same) return;
  if (before.state !== status.state || before.reason !== status.reason) {
    log(`${cluster.namespace}/${cluster.name}: ${status.state}${status.reason && `: ${status.reason}`}`);
  }
  const lastUpdateTime = new Date(now()).toISOString().replace(/\.\d+Z$/, "Z");
  try {
    // An empty reason is taken away: kube-apiserver 1.20 makes null of an empty string in a merge patch, and then refuses it.
    const reason = status.reason || null;
    await writes.patchStatus(slurmClusterPath(cluster), { ...status, reason, lastUpdateTime });
  } catch (error) {
    // Deleted meanwhile.
    if (!(error instanceof KubernetesError && error.kind === "NotFound")) throw error;
  }
}
