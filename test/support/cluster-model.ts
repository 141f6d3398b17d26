/**
 * A model of slurmctld, the operator and Kubernetes in seconds: as much of them as the copilot can see or change. Pure but for the state it
 * holds; all chance comes in from outside.
 *
 * slurmctld: power_save.c (ResumeTimeout, SuspendTimeout, automatic suspend also of DOWN nodes), node_mgr.c (which boots count,
 * ReturnToService=2, what State=… does), ping_nodes.c (SlurmdTimeout for nodes that are up).
 */
import type { Action } from "../../src/copilot/action.ts";
import type { Snapshot } from "../../src/copilot/snapshot.ts";
import type { PodFailureCode } from "../../src/kubernetes/pod-failure.ts";
import { formatReason } from "../../src/slurm/own-reason.ts";
import { type GivenWorker, makeSnapshot } from "./copilot.ts";

/** Slurm's and Kubernetes' limits in the model, in seconds. */
const MODEL = { resumeTimeout: 600, suspendTimeout: 30, suspendTime: 300, slurmdTimeout: 300, podGrace: 10 };

/** A Pod of the model. Times are seconds. */
export interface ModelPod {
  readonly uid: string;
  readonly created: number;
  /** When its slurmd starts, unless it fails. */
  readonly starts: number;
  phase: "Pending" | "Running" | "Failed";
  deleted?: number;
  failure?: { readonly code: PodFailureCode; readonly since: number };
}

/** A worker of the model. */
export interface ModelWorker {
  readonly name: string;
  base: "IDLE" | "ALLOCATED" | "DOWN";
  power: "up" | "POWERED_DOWN" | "POWERING_DOWN" | "POWERING_UP";
  drain: boolean;
  /** When it entered its power state, or its power-up was asked for again. */
  since: number;
  /** When it last had a job or an answer of its slurmd. */
  lastBusy: number;
  lastAnswer: number;
  /** Start of the slurmd that Slurm counts on, and the Pod that it runs in. */
  boot?: { readonly time: number; readonly uid: string };
  reason?: { readonly text: string; readonly time: number };
  pod?: ModelPod;
  wanted: boolean;
  unwanted: boolean;
}

/** What chance decides. */
export interface Chance {
  /** Whether a call of ResumeProgram or SuspendProgram is lost. */
  readonly lost: () => boolean;
  /** Seconds that a Pod takes to start. */
  readonly startSeconds: () => number;
  /** Why a new Pod cannot start now. */
  readonly podFailure: () => PodFailureCode | undefined;
}

/** Whether its slurmd runs and Slurm counts on it, so that a job may be on it. */
export function isWorking({ base, power, pod, boot }: ModelWorker): boolean {
  return (
    base !== "DOWN" && power === "up" && pod?.phase === "Running" && pod.deleted === undefined && pod.uid === boot?.uid
  );
}

/** Makes a cluster of so many workers, all parked. */
export function makeCluster(size: number, chance: Chance) {
  let now = 0;
  let uids = 0;
  const workers: ModelWorker[] = Array.from({ length: size }, (_, index) => ({
    name: `demo-worker-cpu-${index}`,
    base: "IDLE",
    power: "POWERED_DOWN",
    drain: false,
    since: 0,
    lastBusy: 0,
    lastAnswer: 0,
    wanted: false,
    unwanted: false,
  }));

  function powerUp(worker: ModelWorker): void {
    worker.power = "POWERING_UP";
    worker.since = now;
    if (!chance.lost()) ask(worker, "resume");
  }

  function powerDown(worker: ModelWorker): void {
    worker.power = "POWERING_DOWN";
    worker.since = now;
    if (!chance.lost()) ask(worker, "suspend");
  }

  function setDown(worker: ModelWorker, text: string): void {
    worker.base = "DOWN";
    worker.reason = { text, time: now };
  }

  function register(worker: ModelWorker, pod: ModelPod): void {
    if (worker.power === "POWERING_DOWN" || (worker.power === "POWERING_UP" && pod.starts < worker.since)) return;
    if (worker.base === "DOWN") {
      worker.base = "IDLE";
      delete worker.reason;
    }
    // Jobs of the slurmd before it are gone.
    if (worker.power !== "POWERING_UP") worker.base = "IDLE";
    worker.power = "up";
    worker.boot = { time: pod.starts, uid: pod.uid };
    worker.lastBusy = now;
    worker.lastAnswer = now;
  }

  function tickSlurm(worker: ModelWorker): void {
    const inState = now - worker.since;
    if (worker.power === "POWERING_UP" && inState > MODEL.resumeTimeout) {
      const before = worker.base === "DOWN" ? `${worker.reason?.text ?? ""} : ` : "";
      setDown(worker, `${before}ResumeTimeout reached`);
      worker.power = "POWERED_DOWN";
      worker.drain = false;
      if (!chance.lost()) ask(worker, "suspend");
    } else if (worker.power === "POWERING_DOWN" && inState > MODEL.suspendTimeout) {
      worker.power = "POWERED_DOWN";
    } else if (worker.power === "up") {
      const answers = worker.pod?.phase === "Running" && worker.pod.uid === worker.boot?.uid;
      if (answers) worker.lastAnswer = now;
      if (worker.base === "ALLOCATED") worker.lastBusy = now;
      if (worker.base !== "DOWN" && now - worker.lastAnswer > MODEL.slurmdTimeout) setDown(worker, "Not responding");
      if (worker.base !== "ALLOCATED" && now - worker.lastBusy > MODEL.suspendTime) powerDown(worker);
    }
  }

  function tickKubernetes(worker: ModelWorker): void {
    const { pod, wanted, unwanted } = worker;
    if (pod === undefined) {
      if (!wanted || unwanted) return;
      const code = chance.podFailure();
      worker.pod = {
        uid: `uid-${++uids}`,
        created: now,
        starts: now + chance.startSeconds(),
        phase: "Pending",
        ...(code !== undefined && { failure: { code, since: now } }),
      };
    } else if (pod.deleted !== undefined) {
      if (now - pod.deleted >= MODEL.podGrace) delete worker.pod;
    } else if ((unwanted && !wanted) || (pod.phase === "Failed" && wanted && !unwanted)) {
      pod.deleted = now;
    } else if (pod.phase === "Pending" && pod.failure === undefined && now >= pod.starts) {
      pod.phase = "Running";
      register(worker, pod);
    }
  }

  /** What slurm-resume, slurm-suspend and the copilot write. */
  function ask(worker: ModelWorker, request: "resume" | "suspend" | "forget"): void {
    if (request !== "forget") worker.wanted = request === "resume";
    worker.unwanted = request === "suspend";
  }

  function apply(action: Action): void {
    const worker = workers.find(({ name }) => name === action.node);
    if (worker === undefined) throw new Error(`${action.node} is not in the model`);
    switch (action.kind) {
      case "resume":
      case "suspend":
      case "forget":
        ask(worker, action.kind);
        break;
      case "set-down":
        setDown(worker, formatReason(action));
        break;
      case "power-down":
        powerDown(worker);
        break;
      case "return":
        worker.base = "IDLE";
        delete worker.reason;
        break;
      case "delete-pod":
        if (worker.pod?.uid === action.uid) worker.pod.deleted ??= now;
    }
  }

  return {
    workers,
    powerUp,
    setDown,
    apply,
    now: () => now,
    tick: (): void => {
      now++;
      for (const worker of workers) {
        tickKubernetes(worker);
        tickSlurm(worker);
      }
    },
    /** What the copilot sees; `epoch` is the model's second 0 in epoch seconds. */
    snapshot: (epoch: number): Snapshot => makeSnapshot(...workers.map((worker) => given(worker, epoch))),
  };
}

function given(worker: ModelWorker, epoch: number): GivenWorker {
  const { name, base, power, drain, boot, reason, pod, wanted, unwanted } = worker;
  const flags = [base, "CLOUD", ...(drain ? ["DRAIN"] : []), ...(power === "up" ? [] : [power])];
  const bootTime = boot === undefined ? {} : { bootTime: epoch + boot.time, slurmdStartTime: epoch + boot.time };
  const why = reason === undefined ? {} : { reason: reason.text, reasonTime: epoch + reason.time };
  const milliseconds = (second: number): number => (epoch + second) * 1000;
  return {
    name,
    state: flags.join("+"),
    node: { ...bootTime, ...why },
    ...(pod !== undefined && {
      pod: {
        uid: pod.uid,
        phase: pod.phase,
        ready: pod.phase === "Running" && pod.deleted === undefined,
        created: milliseconds(pod.created),
        ...(pod.deleted !== undefined && { deleted: milliseconds(pod.deleted) }),
        ...(pod.failure !== undefined && {
          failure: {
            code: pod.failure.code,
            message: "as the model has it",
            since: milliseconds(pod.failure.since),
            // Kubernetes says of this one alone when it began.
            ...(pod.failure.code !== "Unschedulable" && { isEarliest: true }),
          },
        }),
      },
    }),
    wanted,
    unwanted,
    available: pod?.phase === "Running" && pod.deleted === undefined,
  };
}
