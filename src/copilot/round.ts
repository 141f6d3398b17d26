/**
 * One round: read everything, decide, act. What cannot be read completely, or is not fresh, is unknown, and a round that does not know
 * does nothing. What would be done because a Pod is not seen is asked of the API itself, before it is counted and before it is done.
 */
import { KubernetesError } from "../kubernetes/errors.ts";
import type { EventText } from "../kubernetes/events.ts";
import type { CopilotLimits } from "../settings/settings.ts";
import type { Controller } from "../slurm/controllers.ts";
import { foldNames } from "../slurm/node-name.ts";
import { readSlurm, SlurmReadError, type SlurmReading } from "../slurm/reading.ts";
import type { Scontrol } from "../slurm/scontrol.ts";
import type { Action } from "./action.ts";
import { type Absence, capActions, isOnAbsence } from "./blast-radius.ts";
import { decide, emptyMemory, type Memory, settled } from "./decide.ts";
import { type ExecutorContext, execute } from "./executor.ts";
import type { KubernetesView } from "./kubernetes-view.ts";
import { defectText } from "./observation.ts";
import { copilotSettings } from "./settings.ts";
import { makeSnapshot, type Snapshot } from "./snapshot.ts";
import { createStepLog, type ToldSteps } from "./step-log.ts";
import type { CopilotView } from "./view.ts";

/** What goes from one round to the next. */
export interface RoundState {
  readonly memory: Memory;
  /** Slurm's nodes in the last complete reading: a list that shrinks is not believed at once. */
  readonly expected: ReadonlySet<string>;
  /** Why the last round did nothing. */
  readonly problem?: string;
  /** Epoch milliseconds since when rounds have done nothing. */
  readonly problemSince?: number;
  /** The problem that the log tells of; what passes in seconds is not told, the rest once, and once more when it is over. */
  readonly told?: string;
  /** What the log has told of steps that could not be done. */
  readonly toldSteps: ToldSteps;
  /** What the last complete round saw and by which limits it decided. */
  readonly last?: NonNullable<CopilotView["last"]>;
  /** Why the last round left everything to another copilot. */
  readonly standby?: string;
  /** Epoch milliseconds since when the very same nodes have been missing from Slurm's list. */
  readonly missingSince?: number;
}

/** What a copilot knows before its first round. */
export const firstState: RoundState = { memory: emptyMemory, expected: new Set(), toldSteps: new Map() };

/** What a round works with. */
export interface RoundContext
  extends Omit<ExecutorContext, "absence" | "barred" | "recordEvent" | "snapshot" | "stepLog"> {
  /** Tells of decisions on the SlurmCluster with this UID. */
  readonly recordEvent: (uid: string, text: EventText) => Promise<void>;
  readonly kubernetes: () => KubernetesView;
  /** What the settings file says of limits; read anew each round. */
  readonly limits: () => CopilotLimits;
  /** Given the slurmctlds of slurm.conf: why another copilot is the one to act, if it is. */
  readonly standby: (controllers: readonly Controller[]) => string | undefined;
}

/** How long nodes that vanished from Slurm's list are waited for, in milliseconds: then an admin has taken them out of slurm.conf. */
const MISSING_IS_GONE = 600_000;

/** Runs one round and gives what the next one needs. Rejects only for a defect of ours. */
export async function runRound(state: RoundState, context: RoundContext): Promise<RoundState> {
  const { log, now } = context;
  const reading = await read(state, context.makeScontrol());
  const kubernetes = context.kubernetes();
  const problem = "problem" in reading ? reading.problem : kubernetes.problem;
  const told = tell(problem, state, context);
  if ("problem" in reading) return { ...withoutAction(state, reading, now()), ...told };
  if (kubernetes.problem !== undefined) {
    return { ...kept(state), problem: kubernetes.problem, ...told };
  }

  const standby = context.standby(reading.slurm.controllers);
  if (standby !== undefined) {
    if (standby !== state.standby) log.info(`stands by: ${standby}`);
    return { ...firstState, standby };
  }
  if (state.standby !== undefined) log.info("no longer stands by");
  // Slurm's own defaults (slurm.conf(5)) where it does not say.
  const { longestResumeTimeout = 60, shortestSuspendTimeout = 30 } = reading.slurm.limits;
  const settings = copilotSettings(context.limits(), longestResumeTimeout);
  const { resource, pods } = kubernetes;
  const snapshot = makeSnapshot({ resource, pods, nodes: reading.slurm.nodes, shortestSuspendTimeout });
  const at = now();
  const { actions, memory, snapshot: dated } = decide(snapshot, state.memory, settings, at);
  const absence = await askForUnseen(actions, snapshot, context);
  const { allowed, heldBack, limit } = capActions(actions, snapshot, settings, absence.gone);
  if (heldBack.length > 0 && heldBack.length !== state.last?.heldBack) {
    const names = foldNames([...new Set(heldBack.map(({ node }) => node))]);
    const doubts = [...new Set(heldBack.flatMap(({ node }) => absence.doubts.get(node) ?? []))];
    log.error(
      `${heldBack.length} steps held back: they would end more than ${limit} Pods in one round, which nobody may want: ${[names, ...doubts].join(": ")}`,
    );
  }
  const recordEvent = (text: EventText): Promise<void> => context.recordEvent(resource.metadata.uid, text);
  const barred = (): string | undefined => context.standby(reading.slurm.controllers);
  const stepLog = createStepLog(log, now, state.toldSteps);
  const done = await execute(allowed, { ...context, snapshot, absence, stepLog, recordEvent, barred });
  if (!context.dryRun) {
    const observe = (action: Action, outcome: "done" | "failed" | "held-back"): void => {
      const { group } = snapshot.workers.get(action.node) ?? {};
      context.observe({ kind: "step", action, outcome, ...(group !== undefined && { group }) });
    };
    for (const action of allowed) observe(action, done.has(action) ? "done" : "failed");
    for (const action of heldBack) observe(action, "held-back");
    if (heldBack.length > 0) {
      const message = `${heldBack.length} steps would end more than ${limit} Pods in one round`;
      await recordEvent({ type: "Warning", reason: "HeldBack", message });
    }
  }
  const last = { snapshot: dated, at, settings, heldBack: heldBack.length, resumeTimeout: longestResumeTimeout };
  const expected = new Set(reading.slurm.nodes.keys());
  return { memory: settled(memory, done), expected, toldSteps: stepLog.told(), last };
}

/** How many Pods may be there that the watch does not show until it is clear that the watch is wrong, and no more are asked for. */
const UNSEEN = 10;

/**
 * Asks the API itself for the Pods of nodes that would be set DOWN because we see none: a watch may be silent without being dead, and their
 * jobs would end for nothing. Only its word that there is no such Pod counts. An API that does not answer is not asked for the next one,
 * and all together take no longer than one patch: what is left is asked for in the next round, when those before are DOWN.
 */
async function askForUnseen(
  actions: readonly Action[],
  snapshot: Snapshot,
  { api, cluster, observe, patchBudget }: RoundContext,
): Promise<Absence> {
  const gone = new Set<string>();
  const doubts = new Map<string, string>();
  const signal = AbortSignal.timeout(patchBudget);
  let unknown: string | undefined;
  for (const { node } of actions.filter((action) => isOnAbsence(action, snapshot))) {
    if (unknown !== undefined || doubts.size >= UNSEEN) {
      doubts.set(node, unknown ?? "is not seen to have a Pod, and the watch is wrong about others");
      continue;
    }
    try {
      await api({ method: "GET", path: `/api/v1/namespaces/${cluster.namespace}/pods/${node}`, signal });
      doubts.set(node, "has a Pod that the watch does not show");
    } catch (error) {
      if (error instanceof KubernetesError && error.kind === "NotFound" && error.namesObject) {
        gone.add(node);
        continue;
      }
      if (!(error instanceof KubernetesError)) observe({ kind: "defect" });
      const why = error instanceof KubernetesError ? error.message : defectText(error);
      unknown = `whether it has a Pod cannot be told: ${why}`;
      doubts.set(node, unknown);
    }
  }
  return { gone, doubts };
}

/** How long a problem must last to be told, in milliseconds. */
const PASSING = 5000;

/** Logs a problem that lasts, or its end. */
function tell(
  problem: string | undefined,
  { problemSince, told }: RoundState,
  { log, now }: RoundContext,
): Pick<RoundState, "problemSince" | "told"> {
  if (problem === undefined) {
    if (told !== undefined) log.info("all can be read again");
    return {};
  }
  const since = problemSince ?? now();
  if (problem === told || now() - since < PASSING) return { problemSince: since, ...(told !== undefined && { told }) };
  log.warn(problem);
  return { problemSince: since, told: problem };
}

/** What a round that can do nothing hands on. */
function kept({ memory, expected, toldSteps, last }: RoundState): RoundState {
  return { memory, expected, toldSteps, ...(last !== undefined && { last }) };
}

type Read = { readonly slurm: SlurmReading } | { readonly problem: string; readonly missing: boolean };

async function read(state: RoundState, scontrol: Scontrol): Promise<Read> {
  try {
    return { slurm: await readSlurm(scontrol, state.expected) };
  } catch (error) {
    if (!(error instanceof SlurmReadError)) throw error;
    return { problem: `Slurm is unknown: ${error.message}`, missing: error.code === "PartialList" };
  }
}

function withoutAction(
  state: RoundState,
  { problem, missing }: { problem: string; missing: boolean },
  now: number,
): RoundState {
  if (!missing) return { ...kept(state), problem };
  const since = state.problem === problem ? (state.missingSince ?? now) : now;
  if (now - since < MISSING_IS_GONE) return { ...kept(state), problem, missingSince: since };
  // For so long the very same nodes: from now on they are not expected. What Slurm's own partitions list still is.
  return { ...kept(state), expected: new Set(), problem };
}
