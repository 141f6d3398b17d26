/** Carries out what was planned for a cluster's workers. */
import { KubernetesError } from "../../kubernetes/errors.ts";
import type { EventText } from "../../kubernetes/events.ts";
import { workerName } from "../../slurm/node-name.ts";
import type { BuildContext } from "../build/pod.ts";
import { buildWorker } from "../build/worker.ts";
import type { OperatedCluster } from "../operated-cluster.ts";
import type { GroupPlan, Removal, RemovalReason, WorkersPlan } from "../plan-workers.ts";
import { workersCreated, workersDeleted } from "./events.ts";
import type { FailureBackOff } from "./failure-back-off.ts";
import { slowStart } from "./slow-start.ts";
import type { Writes } from "./writes.ts";

/** What carrying out needs. */
export interface WorkersContext {
  readonly writes: Writes;
  readonly backOff: FailureBackOff;
  readonly build: BuildContext;
  readonly tell: (event: EventText) => void;
  /** Called for each Pod that was created or deleted. */
  readonly onPod: (what: "created" | "deleted") => void;
}

/** What came of it. */
export interface WorkersResult {
  /** What the API refused, or belongs to somebody else. */
  readonly refusals: readonly string[];
  /** Milliseconds until what failed may be tried again. */
  readonly again: number;
}

/** Deletes first: what is named must go even where nothing can be created. */
export async function carryOut(
  cluster: OperatedCluster,
  plan: WorkersPlan,
  context: WorkersContext,
): Promise<WorkersResult> {
  const refusals: string[] = [];
  let again = Number.POSITIVE_INFINITY;
  const later = (milliseconds: number): void => {
    again = Math.min(again, milliseconds);
  };
  await removeAll([...plan.groups.flatMap(({ remove }) => remove), ...plan.orphans], context, refusals, later);
  for (const group of plan.groups) await createAll(cluster, group, context, refusals, later);
  for (const group of plan.groups) await markAll(group, cluster, context, refusals);
  return { refusals, again };
}

/** A Pod that is gone or another one by now needs no mark. */
async function markAll(
  group: GroupPlan,
  { namespace }: OperatedCluster,
  { writes }: WorkersContext,
  refusals: string[],
): Promise<void> {
  await slowStart(group.unmarked, ({ name, uid }) =>
    succeeds(refusals, `cannot mark Pod ${name}`, async () => {
      try {
        await writes.mark(namespace, name, uid);
      } catch (error) {
        if (!(error instanceof KubernetesError && (error.kind === "NotFound" || error.kind === "Conflict")))
          throw error;
      }
    }),
  );
}

async function removeAll(
  removals: readonly Removal[],
  { backOff, onPod, tell, writes }: WorkersContext,
  refusals: string[],
  later: (milliseconds: number) => void,
): Promise<void> {
  const deleted = new Map<RemovalReason, string[]>();
  const due = removals.filter(({ pod, reason }) => {
    // A Pod that ends again and again must not be made again in a circle.
    const blocked = reason === "PodEnded" ? backOff.blocked(`${pod.namespace}/${pod.name}`) : undefined;
    if (blocked !== undefined) later(blocked.wait);
    return blocked === undefined;
  });
  await slowStart(due, ({ pod, reason }) =>
    succeeds(refusals, `cannot delete Pod ${pod.name}`, async () => {
      await writes.remove("Pod", pod.namespace, pod.name, pod.uid);
      if (reason === "PodEnded") backOff.fail(`${pod.namespace}/${pod.name}`, "it ended");
      deleted.set(reason, [...(deleted.get(reason) ?? []), pod.name]);
      onPod("deleted");
    }),
  );
  for (const [reason, names] of deleted) tell(workersDeleted(reason, names));
}

async function createAll(
  cluster: OperatedCluster,
  { create, group: groupName, managed }: GroupPlan,
  { backOff, build, onPod, tell, writes }: WorkersContext,
  refusals: string[],
  later: (milliseconds: number) => void,
): Promise<void> {
  const group = cluster.groups.find(({ name }) => name === groupName);
  if (create.length === 0 || group === undefined) return;
  const key = `${cluster.uid}/${groupName}`;
  const blocked = backOff.blocked(key);
  if (blocked !== undefined) {
    refusals.push(blocked.message);
    later(blocked.wait);
    return;
  }
  const created: string[] = [];
  const failures: string[] = [];
  await slowStart(create, (index) => {
    const name = workerName(cluster.name, groupName, index);
    return succeeds(failures, `cannot create Pod ${name}`, async () => {
      try {
        await writes.create(buildWorker(cluster, group, index, managed, build));
        created.push(name);
        onPod("created");
      } catch (error) {
        if (!(error instanceof KubernetesError && error.kind === "Conflict")) throw error;
        const existing = await writes.find("Pod", cluster.namespace, name);
        // Ours: the watch does not show it yet. Somebody else's must not keep the others from being created.
        if (existing !== undefined && existing.owner !== cluster.uid) {
          refusals.push(`Pod ${name} exists and does not belong to this SlurmCluster; it is left alone`);
        }
      }
    });
  });
  if (created.length > 0) tell(workersCreated(created));
  const [failure] = failures;
  if (failure === undefined) {
    backOff.succeed(key);
  } else {
    backOff.fail(key, failure);
    refusals.push(failure);
    later(backOff.blocked(key)?.wait ?? 0);
  }
}

async function succeeds(refusals: string[], what: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    refusals.push(`${what}: ${error.message}`);
    return false;
  }
}
