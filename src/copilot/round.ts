/**
 * One round: read everything, decide, act. What cannot be read completely, or is not fresh, is unknown, and a round that does not know
 * does nothing.
 */
import type { EventText } from "../kubernetes/events.ts";
import type { CopilotLimits } from "../settings/settings.ts";
import type { Controller } from "../slurm/controllers.ts";
import { readSlurm, SlurmReadError, type SlurmReading } from "../slurm/reading.ts";
import type { Scontrol } from "../slurm/scontrol.ts";
import type { Action } from "./action.ts";
import { capActions } from "./blast-radius.ts";
import { decide, emptyMemory, type Memory, settled } from "./decide.ts";
import { type ExecutorContext, execute } from "./executor.ts";
import type { KubernetesView } from "./kubernetes-view.ts";
import type { Observe } from "./observation.ts";
import { copilotSettings } from "./settings.ts";
import { makeSnapshot } from "./snapshot.ts";
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
  /** What the last complete round saw and by which limits it decided. */
  readonly last?: NonNullable<CopilotView["last"]>;
  /** Why the last round left everything to another copilot. */
  readonly standby?: string;
  /** Epoch milliseconds since when the very same nodes have been missing from Slurm's list. */
  readonly missingSince?: number;
}

/** What a copilot knows before its first round. */
export const firstState: RoundState = { memory: emptyMemory, expected: new Set() };

/** What a round works with. */
export interface RoundContext extends Omit<ExecutorContext, "snapshot" | "scontrol" | "recordEvent" | "barred"> {
  /** Tells of decisions on the SlurmCluster with this UID. */
  readonly recordEvent: (uid: string, text: EventText) => Promise<void>;
  readonly kubernetes: () => KubernetesView;
  /** Makes a scontrol with a time budget for this round. */
  readonly makeScontrol: () => Scontrol;
  /** What the settings file says of limits; read anew each round. */
  readonly limits: () => CopilotLimits;
  /** Given the slurmctlds of slurm.conf: why another copilot is the one to act, if it is. */
  readonly standby: (controllers: readonly Controller[]) => string | undefined;
  readonly observe: Observe;
}

/** How long nodes that vanished from Slurm's list are waited for, in milliseconds: then an admin has taken them out of slurm.conf. */
const MISSING_IS_GONE = 600_000;

/** Runs one round and gives what the next one needs. Rejects only for a defect of ours. */
export async function runRound(state: RoundState, context: RoundContext): Promise<RoundState> {
  const { log, now } = context;
  const scontrol = context.makeScontrol();
  const reading = await read(state, scontrol);
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
  const { actions, memory } = decide(snapshot, state.memory, settings, at);
  const { allowed, heldBack, limit } = capActions(actions, snapshot, settings);
  if (heldBack.length > 0 && heldBack.length !== state.last?.heldBack) {
    log.error(
      `${heldBack.length} steps held back: they would end more than ${limit} Pods in one round, which nobody may want`,
    );
  }
  const recordEvent = (text: EventText): Promise<void> => context.recordEvent(resource.metadata.uid, text);
  const barred = (): string | undefined => context.standby(reading.slurm.controllers);
  const done = await execute(allowed, { ...context, snapshot, scontrol, recordEvent, barred });
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
  const last = { snapshot, at, settings, heldBack: heldBack.length, resumeTimeout: longestResumeTimeout };
  return { memory: settled(memory, done), expected: new Set(reading.slurm.nodes.keys()), last };
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
function kept({ memory, expected, last }: RoundState): RoundState {
  return { memory, expected, ...(last !== undefined && { last }) };
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
