/** Carries out what was planned for a cluster's workers. */
import { KubernetesError } from "../../kubernetes/errors.ts";
import type { EventText } from "../../kubernetes/events.ts";
import { workerName } from "../../slurm/node-name.ts";
import type { BuildContext } from "../build/pod.ts";
import { buildWorker, templateHash } from "../build/worker.ts";
import type { OperatedCluster } from "../operated-cluster.ts";
import type { GroupPlan, Removal, RemovalReason, WorkersPlan } from "../plan-workers.ts";
import { workersCreated, workersDeleted } from "./events.ts";
import { createFailureBackOff, type FailureBackOff } from "./failure-back-off.ts";
import { slowStart } from "./slow-start.ts";
import type { WriteResult, Writes } from "./writes.ts";

/** What is left alone for a while. */
export interface WorkersBackOff {
  /** Pods that ended, by `namespace/name`. */
  readonly endings: FailureBackOff;
  /** Groups whose Pods cannot be created, by what these are made from. */
  readonly creations: FailureBackOff;
}

/** What carrying out needs. */
export interface WorkersContext {
  readonly writes: Writes;
  readonly backOff: WorkersBackOff;
  readonly build: BuildContext;
  readonly tell: (event: EventText) => void;
  /** Called for each Pod that was created or deleted. */
  readonly onPod: (what: "created" | "deleted") => void;
}

/** What came of it. */
export interface WorkersResult {
  /** What the API refused, or belongs to somebody else. */
  readonly refusals: readonly string[];
  /** Milliseconds until what failed, or came too late, may be tried again. */
  readonly again: number;
}

/** Longest time between two tries to create a group's Pods, in milliseconds: when a quota was raised, say, jobs wait for them. */
const LONGEST_CREATION_WAIT = 60_000;

/** Makes an empty one. `now` in milliseconds. */
export function createWorkersBackOff(now: () => number): WorkersBackOff {
  return { endings: createFailureBackOff(now), creations: createFailureBackOff(now, LONGEST_CREATION_WAIT) };
}

/** What is carried out, and what is noted on the way. */
interface Work extends WorkersContext {
  readonly cluster: OperatedCluster;
  /** When the resource was known to call for it; see {@link Writes}. */
  readonly confirmedAt: number;
  readonly refusals: string[];
  readonly later: (milliseconds: number) => void;
}

/**
 * Deletes first: what is named must go even where nothing can be created.
 *
 * @param confirmedAt when the resource was known to call for the plan; what it would be too late for is left to the next look
 */
export async function carryOut(
  cluster: OperatedCluster,
  plan: WorkersPlan,
  confirmedAt: number,
  context: WorkersContext,
): Promise<WorkersResult> {
  const refusals: string[] = [];
  let again = Number.POSITIVE_INFINITY;
  const later = (milliseconds: number): void => {
    again = Math.min(again, milliseconds);
  };
  const work = { ...context, cluster, confirmedAt, refusals, later };
  await removeAll([...plan.groups.flatMap(({ remove }) => remove), ...plan.orphans], work);
  for (const group of plan.groups) await createAll(group, work);
  for (const group of plan.groups) await markAll(group, work);
  return { refusals, again };
}

async function markAll(group: GroupPlan, work: Work): Promise<void> {
  const { cluster, confirmedAt, refusals, writes } = work;
  await slowStart(group.unmarked, ({ name, uid }) =>
    attempt(work, refusals, `cannot mark Pod ${name}`, () => writes.mark(cluster.namespace, name, uid, confirmedAt)),
  );
}

async function removeAll(removals: readonly Removal[], work: Work): Promise<void> {
  const { backOff, confirmedAt, later, onPod, refusals, tell, writes } = work;
  const deleted = new Map<RemovalReason, string[]>();
  const due = removals.filter(({ pod, reason }) => {
    // A Pod that ends again and again must not be made again in a circle.
    const blocked = reason === "PodEnded" ? backOff.endings.blocked(`${pod.namespace}/${pod.name}`) : undefined;
    if (blocked !== undefined) later(blocked.wait);
    return blocked === undefined;
  });
  await slowStart(due, ({ pod: { name, namespace, uid }, reason }) =>
    attempt(work, refusals, `cannot delete Pod ${name}`, async () => {
      const result = await writes.remove("Pod", namespace, name, uid, confirmedAt);
      if (result !== "done") return result;
      if (reason === "PodEnded") backOff.endings.fail(`${namespace}/${name}`, "it ended");
      deleted.set(reason, [...(deleted.get(reason) ?? []), name]);
      onPod("deleted");
      return result;
    }),
  );
  for (const [reason, names] of deleted) tell(workersDeleted(reason, names));
}

async function createAll({ create, group: groupName, managed }: GroupPlan, work: Work): Promise<void> {
  const { backOff, build, cluster, confirmedAt, later, onPod, refusals, tell, writes } = work;
  const group = cluster.groups.find(({ name }) => name === groupName);
  if (create.length === 0 || group === undefined) return;
  const { creations } = backOff;
  // A template that was mended is tried at once.
  const key = `${cluster.uid}/${groupName}/${templateHash(cluster, group, build)}`;
  const blocked = creations.blocked(key);
  if (blocked !== undefined) {
    refusals.push(blocked.message);
    later(blocked.wait);
    return;
  }
  const created: string[] = [];
  const failures: string[] = [];
  const succeeded = await slowStart(create, (index) => {
    const name = workerName(cluster.name, groupName, index);
    return attempt(work, failures, `cannot create Pod ${name}`, async () => {
      try {
        const result = await writes.create(buildWorker(cluster, group, index, managed, build), confirmedAt);
        if (result !== "done") return result;
        created.push(name);
        onPod("created");
        return result;
      } catch (error) {
        if (!(error instanceof KubernetesError && error.kind === "Conflict")) throw error;
        const existing = await writes.find("Pod", cluster.namespace, name);
        // Not the name was the conflict: a quota, say, that others changed at the same time.
        if (existing === undefined) throw error;
        // Ours: the watch does not show it yet. Somebody else's must not keep the others from being created.
        if (existing.owner !== cluster.uid) {
          refusals.push(`Pod ${name} exists and does not belong to this SlurmCluster; it is left alone`);
        }
        return "needless";
      }
    });
  });
  if (created.length > 0) tell(workersCreated(created));
  const [failure] = failures;
  if (failure !== undefined) {
    creations.fail(key, failure);
    refusals.push(failure);
    later(creations.blocked(key)?.wait ?? 0);
  } else if (succeeded > 0) {
    creations.succeed(key);
  }
}

/** Notes what came of a write; resolves to whether others like it may be sent. */
async function attempt(
  { later }: Work,
  refusals: string[],
  what: string,
  write: () => Promise<WriteResult>,
): Promise<boolean> {
  try {
    const result = await write();
    if (typeof result !== "object") return true;
    later(result.again);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    refusals.push(`${what}: ${error.message}`);
  }
  return false;
}
