/**
 * vanished-pod: a node that Slurm counts on and whose Pod is lost. Its jobs are dead, and Slurm would notice after SlurmdTimeout only.
 *
 * Acts on a node that is up:
 * - at once, when its Pod has ended (evicted, preempted, failed), is being deleted and not because its name is in podsToBeDeleted, or is
 *   another one than its slurmd was started in or its jobs were started on;
 * - at once, when slurmd's container has ended under jobs. The kubelet starts it again in seconds, so Slurm never misses the node. When the
 *   new slurmd registers Slurm misses only jobs that are older than BatchStartTimeout and ResumeTimeout together (src/slurmctld/job_mgr.c,
 *   _purge_missing_jobs), and slurmd registers seldom after that: the others would be thought to run for half an hour and more;
 * - after two rounds, when there is no Pod and the operator's status does not list it either. A watch that has just begun may lag behind;
 * - after the limit of a Pod that fails, when Slurm is about to change the node by itself (COMPLETING, a POWER_DOWN that waits for jobs).
 *   That takes seconds while the Pod is there; without it Slurm waits for an answer that cannot come, until SlurmdTimeout and then for an
 *   admin.
 * The node is set DOWN with the reason, which requeues its jobs, and withdrawn, so that resource and Slurm agree again. Where only the
 * container ended the Pod stays: with ReturnToService=2 the node is back as soon as the new slurmd registers, and a Pod that is ended under
 * a node that has just come back would take new jobs with it. If it does not register, return-to-service goes on as with any other.
 *
 * Must not act for a node that is DOWN already, powers up, or powers down; nor while the status still lists a Pod that we do not see: then
 * one of the two is wrong, and Slurm itself finds out after SlurmdTimeout; nor for a Pod that is marked as lost but has not ended, as its
 * slurmd may well run on; nor for a node that an admin holds. A DRAINed one is left to SlurmdTimeout because DOWN would overwrite the
 * admin's Reason and the return to service would undo the DRAIN.
 */

import { isHeld, isLeftAlone, isUp } from "../../slurm/node-flags.ts";
import { giveUp } from "../back-off.ts";
import type { FailureCode } from "../codes.ts";
import { type Finding, isSettled, type Rule } from "../rule.ts";
import type { Worker } from "../snapshot.ts";

const name = "vanished-pod";

/** How much later than its slurmd a Pod must have begun to be another one, in milliseconds: clocks differ. */
const CLOCK_SKEW = 60_000;

/** See the head of this file. */
export const vanishedPod: Rule = {
  name,
  find: ({ workers }) =>
    workers
      .values()
      .flatMap((worker): Finding[] => {
        const loss = lossOf(worker);
        return loss === undefined ? [] : [{ worker, key: loss.code }];
      })
      .toArray(),
  decide: ({ worker }, observed, context) => {
    const loss = lossOf(worker);
    const { node, pod } = worker;
    if (loss === undefined || node === undefined || (pod === undefined && !isSettled(observed, context))) return [];
    const patience = context.settings.failingPodSeconds * 1000;
    if (isLeftAlone(node) && context.now - observed.since < patience) return [];
    const { keepsPod, ...why } = loss;
    const steps = giveUp({ node: worker.name, rule: name, ...why }, context);
    return keepsPod ? steps.filter(({ kind }) => kind === "set-down") : steps;
  },
};

/** Who ends a Pod, where Kubernetes tells. What else is wrong with it is not why. */
function deletion({ failure }: NonNullable<Worker["pod"]>): Loss {
  const message = "is up and its Pod is being deleted";
  const told = failure?.code === "Evicted" || failure?.code === "NodeLost" || failure?.code === "Preempted";
  return told ? { code: failure.code, message: `${message}: ${failure.message}` } : { code: "PodDeleted", message };
}

interface Loss {
  readonly code: FailureCode;
  readonly message: string;
  /** Whether the Pod itself may well be of use again. */
  readonly keepsPod?: boolean;
}

function lossOf({
  group,
  node,
  pod,
  podReplaced,
  containerEnded,
  slurmdEnds,
  unwanted,
  available,
}: Worker): Loss | undefined {
  if (group === undefined || node === undefined || !isUp(node) || isHeld(node)) return undefined;
  if (pod === undefined) return available ? undefined : { code: "PodGone", message: "is up and has no Pod" };
  if (pod.phase === "Failed" || pod.phase === "Succeeded") {
    const { code = "PodFailed", message = `phase ${pod.phase}` } = pod.failure ?? {};
    return { code, message: `is up and its Pod has ended: ${message}` };
  }
  if (pod.deleted !== undefined) {
    return unwanted ? undefined : deletion(pod);
  }
  if (podReplaced === true) return { code: "PodReplaced", message: "has jobs whose Pod was replaced by another one" };
  if (containerEnded === true) {
    const { outOfMemory = false, message = "" } = slurmdEnds ?? {};
    return {
      code: outOfMemory ? "OOMKilled" : "ContainerEnded",
      message: `has jobs whose container ended: ${message}`,
      keepsPod: true,
    };
  }
  // With `slurmd -b` both times are the start of slurmd, one by the clock of slurmctld and one by that of the worker. The Pod's are by the
  // clocks of the API and of its kubelet. Either may be minutes ahead without any harm to the node, so both must say so.
  const started = Math.max(node.bootTime ?? 0, node.slurmdStartTime ?? 0);
  if (started > 0 && Math.min(pod.created, pod.accepted ?? pod.created) > started * 1000 + CLOCK_SKEW) {
    return { code: "PodReplaced", message: "is up and its Pod was made after its slurmd was started" };
  }
  return undefined;
}
