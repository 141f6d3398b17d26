/**
 * Carries out what the rules decided. Each step is on its own: what fails is logged and left to the next round, and takes no other step
 * down, except those for the same node. Right before anything that ends a Pod or changes a node, Slurm is read again, and a node whose
 * state is not what the decision was made on is left for the next round.
 */
import { KubernetesError, retryPolicy } from "../kubernetes/errors.ts";
import type { RecordEvent } from "../kubernetes/events.ts";
import type { Api } from "../kubernetes/request.ts";
import type { SlurmClusterRef } from "../kubernetes/slurm-cluster.ts";
import type { Action as RequestAction } from "../scaling/group-sets.ts";
import { recordRequest, TransactionError } from "../scaling/transaction.ts";
import type { Log } from "../settings/log.ts";
import { isDown, isInUse, isParked } from "../slurm/node-flags.ts";
import { type NodeStates, type RequestedState, readNodeStates, updateNodes } from "../slurm/node-state.ts";
import { formatReason } from "../slurm/own-reason.ts";
import type { Scontrol } from "../slurm/scontrol.ts";
import type { Action } from "./action.ts";
import { type Absence, isOnAbsence } from "./blast-radius.ts";
import { defectText, type Observe } from "./observation.ts";
import type { Snapshot } from "./snapshot.ts";
import { tellEvents } from "./step-events.ts";
import type { Setback, StepLog } from "./step-log.ts";

/** What the executor works with. */
export interface ExecutorContext {
  readonly snapshot: Snapshot;
  readonly absence: Absence;
  readonly cluster: SlurmClusterRef;
  readonly api: Api;
  /**
   * Makes a scontrol with a time budget of its own. A round waits for a slurmctld that hangs four times at most (to read, to look again, to
   * set DOWN, to return), which with its waits for the API is less than what /healthz takes for stuck.
   */
  readonly makeScontrol: () => Scontrol;
  /** Why this copilot may act no longer, if so: another one may have taken over since the round began. */
  readonly barred: () => string | undefined;
  readonly log: Log;
  readonly stepLog: StepLog;
  readonly observe: Observe;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Tells of decisions on the SlurmCluster. */
  readonly recordEvent: RecordEvent;
  /** Milliseconds that each patch may take with its retries. */
  readonly patchBudget: number;
  readonly dryRun: boolean;
}

/** Reads the states of nodes once more. */
type Look = (names: readonly string[]) => Promise<NodeStates>;

/** A round of steps under way. */
interface Work extends ExecutorContext {
  readonly look: Look;
  /** Workers for which a step failed: what follows for them is left out. */
  readonly failed: Set<string>;
  readonly done: Set<Action>;
}

/** Pods that are deleted after one look at Slurm, at most: a look at ten thousand nodes takes as long as a hundred deletions. */
const DELETIONS = 100;

/** For how long such a look is good, in milliseconds: a node may register and take a job meanwhile. */
const FRESH = 1000;

/**
 * Carries out actions in the order that is safe: Slurm learns of a failure first, then the lists, then single Pods. Never rejects: a defect
 * of ours is the failure of the step that it is met in.
 *
 * @returns the actions that were carried out; the others failed, or were no longer called for
 */
export async function execute(actions: readonly Action[], context: ExecutorContext): Promise<ReadonlySet<Action>> {
  const { dryRun, makeScontrol, stepLog } = context;
  stepLog.decided(actions, dryRun);
  if (dryRun || actions.length === 0) return new Set();
  const work: Work = { ...context, look: createLook(makeScontrol), failed: new Set(), done: new Set() };
  const { failed, done } = work;
  const of = (kind: Action["kind"]): Action[] =>
    actions.filter((action) => action.kind === kind && !failed.has(action.node));
  /** Asked again, as the steps before may have taken long. */
  const unchanged = async (kind: Action["kind"]): Promise<Action[]> => {
    await leaveChanged(of(kind), work);
    return of(kind);
  };
  leaveDoubtful(actions, work);
  await leaveChanged(actions, work);
  // Thousands of nodes that are set DOWN, in batches, must not use up the time of those that are to come back.
  const downs = makeScontrol();
  for (const [reason, group] of Map.groupBy(of("set-down"), (action) => formatReason(action))) {
    await update(group, "DOWN", reason, downs, work);
  }
  await request(of("resume"), "resume", work);
  await request(of("suspend"), "suspend", work);
  await request(of("forget"), "forget", work);
  await deletePods(of("delete-pod"), work);
  const returns = makeScontrol();
  await update(await unchanged("power-down"), "POWER_DOWN", undefined, returns, work);
  await update(await unchanged("return"), "RESUME", undefined, returns, work);
  stepLog.done([...done]);
  await tellEvents([...done], context);
  return done;
}

/** Each look has a budget of its own, as steps take time in between. One that is not answered is the last: no round waits for several. */
function createLook(makeScontrol: () => Scontrol): Look {
  let silence: NodeStates | undefined;
  return async (names) => {
    const found = silence ?? (await readNodeStates(makeScontrol(), names));
    if (!found.answered) silence = found;
    return found;
  };
}

/** Leaves actions, and what follows for the same nodes, for the next round. */
function leave(actions: readonly Action[], { failed, stepLog }: Work, setback: Setback): void {
  for (const { node } of actions) failed.add(node);
  stepLog.failed(actions, setback);
}

/** Takes a step for these actions. A defect of ours in it is what became of those that are not done, and ends no other step. */
async function attempt<Result>(
  actions: readonly Action[],
  work: Work,
  step: () => Promise<Result>,
): Promise<Result | undefined> {
  if (actions.length === 0) return undefined;
  const { done, failed, observe } = work;
  try {
    return await step();
  } catch (error) {
    const undone = actions.filter((action) => !done.has(action) && !failed.has(action.node));
    const kinds = [...new Set(undone.map(({ kind }) => kind))].join(", ");
    const line = (names: string): string => `${kinds} of ${names} failed: ${defectText(error)}`;
    observe({ kind: "defect" });
    leave(undone, work, { level: "error", cause: `defect ${String(error)}`, line });
    return undefined;
  }
}

/** Leaves nodes that are up and whose Pod we do not see, but the API may. */
function leaveDoubtful(actions: readonly Action[], work: Work): void {
  const { absence, snapshot } = work;
  const doubtful = actions.filter((action) => isOnAbsence(action, snapshot) && !absence.gone.has(action.node));
  for (const [why, alike] of Map.groupBy(doubtful, ({ node }) => absence.doubts.get(node) ?? "was not asked for")) {
    leave(alike, work, { level: "warn", cause: "absence", line: (names) => `${names}: ${why}; left alone` });
  }
}

/** Leaves nodes whose state or Reason in Slurm is not what the decision was made on, or cannot be read now; all, where we may not act. */
async function leaveChanged(actions: readonly Action[], work: Work): Promise<void> {
  const { barred, look, snapshot } = work;
  const guarded = actions.filter(({ kind, node }) => kind !== "resume" && kind !== "forget" && !work.failed.has(node));
  await attempt(guarded, work, async () => {
    const names = guarded.map(({ node }) => node).filter((node) => snapshot.workers.get(node)?.node !== undefined);
    const { states, reasons, answered, message } = await look(names);
    // After the read, which may have taken long.
    const bar = barred();
    if (bar !== undefined) {
      leave(guarded, work, { level: "warn", cause: bar, line: (all) => `${all}: left alone: ${bar}` });
      return;
    }
    const known = new Set(names);
    const changed = guarded.filter(({ node }) => {
      if (!known.has(node)) return false;
      const before = snapshot.workers.get(node)?.node;
      const state = states.get(node);
      if (before === undefined || state === undefined || before.state.symmetricDifference(state).size > 0) return true;
      // An admin may have written a Reason of their own over ours while the flags stayed.
      return before.reason !== reasons.get(node);
    });
    const why = answered ? "changed in Slurm meanwhile" : `cannot be asked for again in Slurm (${message})`;
    leave(changed, work, {
      level: answered ? "info" : "warn",
      cause: answered ? "changed" : "no answer",
      line: (all) => `${all}: ${why}, left for the next round`,
    });
  });
}

async function update(
  actions: readonly Action[],
  state: RequestedState,
  reason: string | undefined,
  scontrol: Scontrol,
  work: Work,
): Promise<void> {
  await attempt(actions, work, async () => {
    const names = actions.map(({ node }) => node);
    const outcome = await updateNodes(scontrol, names, state, reason);
    const updated = new Set(outcome.updated);
    for (const each of actions) if (updated.has(each.node)) work.done.add(each);
    for (const [said, nodes] of Map.groupBy(outcome.failed, ({ message }) => message)) {
      const these = new Set(nodes.map(({ name }) => name));
      const line = (all: string): string => `scontrol update State=${state} of ${all} failed: ${said}`;
      const refused = actions.filter(({ node }) => these.has(node));
      leave(refused, work, { level: "error", cause: said, line });
    }
  });
}

async function request(actions: readonly Action[], action: RequestAction, work: Work): Promise<void> {
  const { api, cluster, now, random, sleep, patchBudget, failed, done } = work;
  const those = (names: ReadonlySet<string>): Action[] => actions.filter(({ node }) => names.has(node));
  await attempt(actions, work, async () => {
    try {
      const { refused } = await recordRequest(
        {
          cluster,
          action,
          names: actions.map(({ node }) => node),
          select: (resolved) => resolved,
          stillMeant: (names) => stillMeant(action, names, those, work),
          observer: { onRead: () => {}, onRetry: () => {} },
        },
        { api, now, random, sleep, deadline: now() + patchBudget, dryRun: false },
      );
      for (const { name, refusal, message } of refused) {
        const line = (names: string): string => `${action} ${names} failed: ${refusal}: ${message}`;
        leave(those(new Set([name])), work, { level: "error", cause: refusal, line });
      }
      for (const each of actions) if (!failed.has(each.node)) done.add(each);
    } catch (error) {
      if (!(error instanceof TransactionError)) throw error;
      const line = (names: string): string =>
        `${action} of ${names} failed, the next round tries again: ${error.message}`;
      const undone = actions.filter(({ node }) => !failed.has(node));
      leave(undone, work, { level: "error", cause: error.kind, line });
    }
  });
}

/**
 * Between each read of the resource and its patch: what is still to be recorded, which is nothing where we may not act. slurmctld goes on
 * meanwhile: it may give a powered-down node to a job, which must not lose its Pod, or suspend one that was up, whose Pod must go. Once its
 * program has recorded either, the patch fails its test.
 */
async function stillMeant(
  action: RequestAction,
  names: readonly string[],
  those: (names: ReadonlySet<string>) => Action[],
  work: Work,
): Promise<readonly string[]> {
  const { barred, look, snapshot } = work;
  const { states, reasons, answered } = await look(action === "forget" ? [] : names);
  const bar = barred();
  if (bar !== undefined) {
    const line = (all: string): string => `${action} of ${all} dropped: ${bar}`;
    leave(those(new Set(names)), work, { level: "warn", cause: bar, line });
    return [];
  }
  if (action === "forget") return names;
  const kept = names.filter((name) => {
    const state = states.get(name);
    const reason = reasons.get(name);
    // Of a Pod that no Slurm node belongs to, no job can be hurt; nor on a node that is DOWN, or parked and not given to one.
    if (state === undefined) {
      return action === "suspend" && answered && snapshot.workers.get(name)?.node === undefined;
    }
    if (action === "resume") return isInUse({ state, ...(reason !== undefined && { reason }) });
    return isDown({ state }) || isParked({ state });
  });
  const now = action === "resume" ? "not in use in Slurm any more" : "in use in Slurm by now";
  const line = (all: string): string => `${action} of ${all} dropped: ${now}, or unknown`;
  leave(those(new Set(names).difference(new Set(kept))), work, { level: "info", cause: "dropped", line });
  return kept;
}

async function deletePods(actions: readonly Action[], work: Work): Promise<void> {
  const undone: { readonly action: Action; readonly error: KubernetesError }[] = [];
  let looked: { readonly at: number; readonly upTo: number } | undefined;
  // One deadline for all, from after the first look: an API that hangs keeps the next round waiting only once.
  let signal: AbortSignal | undefined;
  for (const [index, action] of actions.entries()) {
    if (looked === undefined || index >= looked.upTo || work.now() - looked.at > FRESH) {
      const upTo = index + DELETIONS;
      await leaveChanged(actions.slice(index, upTo), work);
      looked = { at: work.now(), upTo };
    }
    signal ??= AbortSignal.timeout(work.patchBudget);
    if (work.failed.has(action.node)) continue;
    const deadline = signal;
    const error = await attempt([action], work, () => deletePod(action, deadline, work));
    if (error === undefined) continue;
    // What is wrong with the API would most likely be so for the others too.
    const away = retryPolicy(error.kind) === "retry";
    for (const each of away ? actions.slice(index) : [action]) undone.push({ action: each, error });
    if (away) break;
  }
  for (const [cause, alike] of Map.groupBy(undone, ({ error }) => error.kind)) {
    const line = (names: string): string => `delete-pod ${names} failed: ${alike[0]?.error.message}`;
    const left = alike.map(({ action }) => action).filter(({ node }) => !work.failed.has(node));
    leave(left, work, { level: "error", cause, line });
  }
}

/** Deletes a Pod by its UID; gives why not, where that is known. */
async function deletePod(action: Action, signal: AbortSignal, work: Work): Promise<KubernetesError | undefined> {
  if (action.kind !== "delete-pod") return undefined;
  const { api, cluster, done } = work;
  const { node, uid } = action;
  try {
    await api({
      method: "DELETE",
      path: `/api/v1/namespaces/${cluster.namespace}/pods/${node}`,
      contentType: "application/json",
      body: JSON.stringify({ apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } }),
      signal,
    });
    done.add(action);
    return undefined;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    // Gone already, or another Pod of that name: what was to be deleted is not there.
    return error.kind === "NotFound" || error.kind === "Conflict" ? undefined : error;
  }
}
