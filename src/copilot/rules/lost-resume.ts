/**
 * lost-resume: slurmctld calls ResumeProgram once; when that call was lost, or the lists were wiped, the worker is named again.
 *
 * Acts on a worker that is not in podsToBeCreated, or is in podsToBeDeleted too, once that has been so for two rounds, for slurm-resume may
 * be about to do it:
 * - its node is powering up; or
 * - its node is up, or DOWN by somebody else's hand, and its Pod lives. Such a worker is only taken in; that it is drained, in maintenance
 *   or busy makes no difference, as the lists are all that changes.
 *
 * The executor asks Slurm again between its read of the lists and their change, as slurmctld may suspend the node in between.
 *
 * Must not act for a node that is powered down or about to be; for one that is DOWN while it powers up, whose Pod nobody waits for; for one
 * that we set DOWN; or for one that is up without a Pod: that is vanished-pod's, and a new Pod would hide it.
 */
import { isInUse, isPoweringUp } from "../../slurm/node-flags.ts";
import { findWorkers, isSettled, type Rule } from "../rule.ts";
import type { Worker } from "../snapshot.ts";

const name = "lost-resume";

/** See the head of this file. */
export const lostResume: Rule = {
  name,
  find: (snapshot) => findWorkers(snapshot, isLost),
  decide: ({ worker }, observed, context) =>
    isSettled(observed, context)
      ? [{ kind: "resume", node: worker.name, rule: name, code: "LostResume", message: messageFor(worker) }]
      : [],
};

function isLost({ group, node, pod, wanted, unwanted }: Worker): boolean {
  if (group === undefined || node === undefined || (wanted && !unwanted) || !isInUse(node)) return false;
  return isPoweringUp(node) || (pod !== undefined && !hasEnded(pod));
}

function hasEnded({ phase, deleted }: NonNullable<Worker["pod"]>): boolean {
  return phase === "Failed" || phase === "Succeeded" || deleted !== undefined;
}

function messageFor({ node, wanted }: Worker): string {
  const state = node !== undefined && isPoweringUp(node) ? "is powering up" : "is up";
  return wanted ? `${state} and is named in podsToBeDeleted too` : `${state} and is not named in podsToBeCreated`;
}
