/** Snapshots for tests of the copilot's rules: a worker is its state in Slurm, its Pod, and what the lists say. */
import type { Action } from "../../src/copilot/action.ts";
import { decide, emptyMemory, type Memory } from "../../src/copilot/decide.ts";
import type { Rule } from "../../src/copilot/rule.ts";
import { type CopilotSettings, copilotSettings } from "../../src/copilot/settings.ts";
import type { Snapshot, Worker } from "../../src/copilot/snapshot.ts";
import type { WorkerPod } from "../../src/kubernetes/worker-pods.ts";
import type { NodeRecord } from "../../src/slurm/node-record.ts";

/** The first round of every test, in epoch milliseconds. */
export const NOW = Date.UTC(2026, 10, 23, 20);

/** The defaults for a ResumeTimeout that limits none of them. */
export const SETTINGS: CopilotSettings = copilotSettings({}, 600);

/** Minutes before {@link NOW}, in epoch milliseconds. */
export function minutesAgo(minutes: number): number {
  return NOW - minutes * 60_000;
}

/** A worker as a test gives it. Without `state` Slurm has no such node, without `pod` there is none. */
export interface GivenWorker {
  readonly name?: string;
  /** `null` for a name of no group. @default "cpu" */
  readonly group?: string | null;
  /** As scontrol prints it. */
  readonly state?: string;
  readonly node?: Partial<NodeRecord>;
  /** What differs from a Pod that is ready and was made an hour ago. */
  readonly pod?: Partial<WorkerPod>;
  readonly slurmdEnds?: Worker["slurmdEnds"];
  readonly wanted?: boolean;
  readonly unwanted?: boolean;
  readonly available?: boolean;
}

/** A Pod that is ready and was made an hour ago. */
function makePod(name: string, given: Partial<WorkerPod> = {}): WorkerPod {
  return { name, uid: "uid-1", phase: "Running", ready: true, created: minutesAgo(60), ...given };
}

/** A worker in full. */
function makeWorker(given: GivenWorker): Worker {
  const { name = "demo-worker-cpu-0", group = "cpu", state, node, pod } = given;
  return {
    name,
    ...(group !== null && { group }),
    ...(state !== undefined && { node: { name, state: new Set(state.split("+")), partitions: ["main"], ...node } }),
    ...(pod !== undefined && { pod: makePod(name, pod) }),
    ...(given.slurmdEnds !== undefined && { slurmdEnds: given.slurmdEnds }),
    wanted: given.wanted ?? false,
    unwanted: given.unwanted ?? false,
    available: given.available ?? false,
  };
}

/** A snapshot of these workers. */
export function makeSnapshot(...workers: readonly GivenWorker[]): Snapshot {
  return {
    cluster: "demo",
    workers: new Map(workers.map(makeWorker).map((worker) => [worker.name, worker])),
    shortestSuspendTimeout: 30,
  };
}

/** An action as short text: what, of which node when there are several, why, and with which strike. */
export function actionText(action: Action): string {
  const strike = action.kind === "set-down" ? ` strike ${action.strike} ${(action.until - NOW) / 1000} s` : "";
  const uid = action.kind === "delete-pod" ? ` ${action.uid}` : "";
  return `${action.kind} ${action.code}${strike}${uid}`;
}

/**
 * What one rule does about one worker at each of these seconds after {@link NOW}, where a round at 0 sees it first. Times in the results
 * are relative to {@link NOW}.
 */
export function rounds(rule: Rule, given: GivenWorker, seconds: readonly number[]): string[][] {
  let memory: Memory = emptyMemory;
  return [0, ...seconds.filter((second) => second > 0)].map((second) => {
    const decision = decide(makeSnapshot(given), memory, SETTINGS, NOW + second * 1000, [rule]);
    memory = decision.memory;
    return decision.actions.map(actionText);
  });
}

/** Flags that an admin has set. */
export const HELD: readonly string[] = ["DRAIN", "FAIL", "MAINTENANCE", "REBOOT_REQUESTED", "REBOOT_ISSUED"];

/** Flags of a node that Slurm is about to change by itself. */
export const CHANGING: readonly string[] = ["COMPLETING", "POWER_DOWN"];

/** All of them. */
export const LEFT_ALONE: readonly string[] = [...HELD, ...CHANGING];
