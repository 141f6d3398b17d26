/** The status as plain data, for --json. Pure. */
import { compactState } from "../../slurm/compact-state.ts";
import { podStatus, reasonText, stepText, waitText } from "../inspect/describe.ts";
import type { Look } from "../inspect/look.ts";
import { canTellNext, shownStatuses, type WorkerStatus, workerStatuses } from "./rows.ts";

/** The status as plain data: one entry a worker, times in RFC 3339. */
export function statusJson(look: Look, all: boolean): object {
  const { cluster, copilot, at, seenByCopilot, heldBack, problems, settingsProblems, unknown } = look;
  return {
    cluster,
    copilot,
    seenAt: time(at),
    seenByCopilot,
    heldBack,
    unknown: [...unknown],
    problems,
    settingsProblems,
    workers: shownStatuses(workerStatuses(look), all).map((status) => workerJson(status, look)),
  };
}

/** One worker as plain data. */
export function workerJson({ worker, strikes, step }: WorkerStatus, look: Look): object {
  const { name, group, node, pod, wanted, unwanted, available } = worker;
  return {
    name,
    group,
    slurm: node && {
      state: compactState(node.state),
      flags: [...node.state],
      reason: node.reason,
      reasonUser: node.reasonUser,
      reasonTime: node.reasonTime === undefined ? undefined : time(node.reasonTime * 1000),
    },
    wanted,
    unwanted,
    available,
    pod: pod && {
      uid: pod.uid,
      status: podStatus(pod),
      phase: pod.phase,
      ready: pod.ready,
      created: time(pod.created),
      deleted: pod.deleted === undefined ? undefined : time(pod.deleted),
      failure: pod.failure && { ...pod.failure, since: time(pod.failure.since) },
    },
    strikes,
    reason: reasonText(worker) || undefined,
    waits: canTellNext(look) && step === undefined ? waitText(worker) || undefined : undefined,
    next: step && {
      at: time(step.at),
      what: stepText(step.actions),
      heldBack: step.heldBack,
      actions: step.actions.map(({ kind, rule, code, message }) => ({ kind, rule, code, message })),
    },
  };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
