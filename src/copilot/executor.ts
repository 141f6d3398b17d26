/**
 * Carries out what the rules decided. Each step is on its own: what fails is logged and left to the next round, and takes no other step
 * down, except those for the same node. Right before anything that ends a Pod or changes a node, Slurm is read again, and a node whose
 * state is not what the decision was made on is left for the next round.
 */
import { KubernetesError } from "../kubernetes/errors.ts";
import type { RecordEvent } from "../kubernetes/events.ts";
import type { Api } from "../kubernetes/request.ts";
import type { SlurmClusterRef } from "../kubernetes/slurm-cluster.ts";
import type { Action as RequestAction } from "../scaling/group-sets.ts";
import { recordRequest, TransactionError } from "../scaling/transaction.ts";
import type { Log } from "../settings/log.ts";
import { isDown, isParked, isUp } from "../slurm/node-flags.ts";
import { foldNames } from "../slurm/node-name.ts";
import { type RequestedState, readNodeStates, updateNodes } from "../slurm/node-state.ts";
import { formatReason } from "../slurm/own-reason.ts";
import type { Scontrol } from "../slurm/scontrol.ts";
import type { Action } from "./action.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the executor works with. */
export interface ExecutorContext {
  readonly snapshot: Snapshot;
  readonly cluster: SlurmClusterRef;
  readonly api: Api;
  /** A scontrol with a time budget for this round. */
  readonly scontrol: Scontrol;
  /** Why this copilot may act no longer, if so: another one may have taken over since the round began. */
  readonly barred: () => string | undefined;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Tells of decisions on the SlurmCluster. */
  readonly recordEvent: RecordEvent;
  /** Milliseconds that each patch may take with its retries. */
  readonly patchBudget: number;
  readonly dryRun: boolean;
}

/**
 * Carries out actions in the order that is safe: Slurm learns of a failure first, then the lists, then single Pods.
 *
 * @returns the actions that were carried out; the others failed, or were no longer called for
 */
export async function execute(actions: readonly Action[], context: ExecutorContext): Promise<ReadonlySet<Action>> {
  const { log, dryRun } = context;
  for (const { kind, node, rule, code, message } of actions) {
    log.info(`${dryRun ? "would " : ""}${kind} ${node}: ${code}: ${message} (${rule})`);
  }
  if (dryRun || actions.length === 0) return new Set();
  /** Workers for which a step failed: what follows for them is left out. */
  const failed = await changedNodes(actions, context);
  const progress: Progress = { failed, done: new Set() };
  const of = (kind: Action["kind"]): Action[] =>
    actions.filter((action) => action.kind === kind && !failed.has(action.node));
  /** Asked again, as the steps before may have taken long. */
  const unchanged = async (kind: Action["kind"]): Promise<Action[]> => {
    for (const name of await changedNodes(of(kind), context)) failed.add(name);
    return of(kind);
  };
  for (const action of of("set-down")) if (!(await hasNoPod(action, context))) failed.add(action.node);
  for (const [reason, group] of Map.groupBy(await unchanged("set-down"), reasonOf)) {
    await update(group, "DOWN", reason, progress, context);
  }
  await request(of("resume"), "resume", progress, context);
  await request(of("suspend"), "suspend", progress, context);
  await request(of("forget"), "forget", progress, context);
  for (const action of of("delete-pod")) {
    if ((await changedNodes([action], context)).size > 0) failed.add(action.node);
    else if (action.kind === "delete-pod") await deletePod(action, progress, context);
  }
  await update(await unchanged("power-down"), "POWER_DOWN", undefined, progress, context);
  await update(await unchanged("return"), "RESUME", undefined, progress, context);
  await tellEvents([...progress.done], context);
  return progress.done;
}

/** What came of the steps so far. */
interface Progress {
  readonly failed: Set<string>;
  readonly done: Set<Action>;
}

/**
 * Whether a node that is up and whose Pod we do not see really has none. A watch may be silent without being dead, and its node and jobs
 * would go DOWN for nothing, so the API itself is asked. For all other nodes what the rule saw is reason enough.
 */
async function hasNoPod(
  { node: name }: Action,
  { api, cluster, snapshot, log, patchBudget }: ExecutorContext,
): Promise<boolean> {
  const { node, pod } = snapshot.workers.get(name) ?? {};
  if (node === undefined || pod !== undefined || !isUp(node)) return true;
  try {
    const path = `/api/v1/namespaces/${cluster.namespace}/pods/${name}`;
    await api({ method: "GET", path, signal: AbortSignal.timeout(patchBudget) });
    log.warn(`${name} has a Pod that the watch does not show; left alone`);
    return false;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.kind === "NotFound") return true;
    log.warn(`whether ${name} has a Pod cannot be told; left alone: ${error.message}`);
    return false;
  }
}

/**
 * One Event for all nodes that the same was done to for the same reason, in a word for `kubectl get events` and a sentence. All at once, as
 * an API that hangs keeps each of them for seconds, and the next round waits.
 */
async function tellEvents(actions: readonly Action[], { recordEvent }: ExecutorContext): Promise<void> {
  const alike = Map.groupBy(actions, ({ kind, code, message, rule }) => JSON.stringify([kind, code, message, rule]));
  const events = alike.values().map((group) => {
    const [{ kind, code, message, rule }] = group as [Action];
    const names = foldNames(group.map(({ node }) => node));
    const type = kind === "set-down" ? "Warning" : "Normal";
    return recordEvent({ type, reason: code, message: `${kind} ${names}: ${message} (${rule})` });
  });
  await Promise.all(events);
}

/** Nodes whose state or Reason in Slurm is no longer what the decision was made on, or cannot be read now; all, where we may not act. */
async function changedNodes(
  actions: readonly Action[],
  { scontrol, snapshot, log, barred }: ExecutorContext,
): Promise<Set<string>> {
  const changed = new Set<string>();
  const guarded = actions.filter(({ kind }) => kind !== "resume" && kind !== "forget").map(({ node }) => node);
  const names = guarded.filter((node) => snapshot.workers.get(node)?.node !== undefined);
  const { states, reasons } = await readNodeStates(scontrol, [...new Set(names)]);
  // After the read, which may have taken long.
  const bar = guarded.length > 0 ? barred() : undefined;
  if (bar !== undefined) {
    log.warn(`${foldNames([...new Set(guarded)])}: left alone: ${bar}`);
    return new Set(guarded);
  }
  for (const name of names) {
    const before = snapshot.workers.get(name)?.node;
    const after = states.get(name);
    const same = before !== undefined && after !== undefined && before.state.symmetricDifference(after).size === 0;
    // An admin may have written a Reason of their own over ours while the flags stayed.
    if (!same || before.reason !== reasons.get(name)) changed.add(name);
  }
  if (changed.size > 0) log.info(`${foldNames([...changed])}: changed in Slurm meanwhile, left for the next round`);
  return changed;
}

function reasonOf(action: Action): string {
  return formatReason(action);
}

async function update(
  actions: readonly Action[],
  state: RequestedState,
  reason: string | undefined,
  { failed, done }: Progress,
  { scontrol, log }: ExecutorContext,
): Promise<void> {
  if (actions.length === 0) return;
  const outcome = await updateNodes(
    scontrol,
    actions.map(({ node }) => node),
    state,
    reason,
  );
  for (const [said, nodes] of Map.groupBy(outcome.failed, ({ message }) => message)) {
    const names = nodes.map(({ name }) => name);
    for (const name of names) failed.add(name);
    log.error(`scontrol update State=${state} of ${foldNames(names)} failed: ${said}`);
  }
  const updated = new Set(outcome.updated);
  for (const each of actions) if (updated.has(each.node)) done.add(each);
}

async function request(
  actions: readonly Action[],
  action: RequestAction,
  { failed, done }: Progress,
  context: ExecutorContext,
): Promise<void> {
  const names = actions.map(({ node }) => node).filter((node) => !failed.has(node));
  if (names.length === 0) return;
  const { api, cluster, log, now, random, sleep, patchBudget } = context;
  try {
    const { refused } = await recordRequest(
      {
        cluster,
        action,
        names,
        select: (resolved) => resolved,
        stillMeant: (meant) => stillMeant(action, meant, failed, context),
        observer: { onRead: () => {}, onRetry: () => {} },
      },
      {
        api,
        now,
        random,
        sleep,
        deadline: now() + patchBudget,
        dryRun: false,
      },
    );
    for (const { name, refusal, message } of refused) {
      failed.add(name);
      log.error(`${action} ${name} failed: ${refusal}: ${message}`);
    }
    for (const each of actions) if (!failed.has(each.node)) done.add(each);
  } catch (error) {
    if (!(error instanceof TransactionError)) throw error;
    for (const name of names) failed.add(name);
    log.error(`${action} of ${foldNames(names)} failed, the next round tries again: ${error.message}`);
  }
}

/**
 * Between each read of the resource and its patch: what is still to be recorded, which is nothing where we may not act. A node that is
 * powered down may be given to a job at any moment; once slurmctld has done so it must not lose its Pod, and once slurm-resume has recorded
 * it the patch fails its test.
 */
async function stillMeant(
  action: RequestAction,
  names: readonly string[],
  failed: Set<string>,
  { scontrol, snapshot, log, barred }: ExecutorContext,
): Promise<readonly string[]> {
  const { states, answered } = await readNodeStates(scontrol, action === "suspend" ? names : []);
  const bar = barred();
  if (bar !== undefined) {
    for (const name of names) failed.add(name);
    log.warn(`${action} of ${foldNames(names)} dropped: ${bar}`);
    return [];
  }
  if (action !== "suspend") return names;
  const kept = names.filter((name) => {
    const state = states.get(name);
    // Of a Pod that no Slurm node belongs to, no job can be hurt; nor on a node that is DOWN, or parked and not given to one.
    if (state === undefined) return answered && snapshot.workers.get(name)?.node === undefined;
    return isDown({ state }) || isParked({ state });
  });
  const dropped = names.filter((name) => !kept.includes(name));
  for (const name of dropped) failed.add(name);
  if (dropped.length > 0) log.info(`suspend of ${foldNames(dropped)} dropped: in use in Slurm by now, or unknown`);
  return kept;
}

async function deletePod(
  action: Extract<Action, { kind: "delete-pod" }>,
  { failed, done }: Progress,
  { api, cluster, log, patchBudget }: ExecutorContext,
): Promise<void> {
  const { node, uid } = action;
  try {
    await api({
      method: "DELETE",
      path: `/api/v1/namespaces/${cluster.namespace}/pods/${node}`,
      contentType: "application/json",
      body: JSON.stringify({ apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } }),
      signal: AbortSignal.timeout(patchBudget),
    });
    done.add(action);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    // Gone already, or another Pod of that name: what was to be deleted is not there.
    if (error.kind === "NotFound" || error.kind === "Conflict") return;
    failed.add(node);
    log.error(`delete-pod ${node} failed: ${error.message}`);
  }
}
