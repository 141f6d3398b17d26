/**
 * leaked-pod: slurmctld calls SuspendProgram once and takes the node for powered down SuspendTimeout later, whatever came of it; when the
 * call was lost, the Pod is ended here.
 *
 * Acts on a worker whose node is powered down or powering down (DOWN or not) for two rounds and that is in podsToBeCreated, or has a Pod
 * that nobody asked to end.
 *
 * Must not act for a node in any other state: not for one that a job is allocated to or that POWER_UP was asked for, as it is powered up in
 * a moment; nor while a POWER_DOWN still waits for jobs to end; nor for a node that an admin holds (DRAIN, maintenance, reboot), who may
 * want to look at its Pod and whose release brings it back here.
 *
 * A Pod that is ready, on an IDLE node that slurmctld has never seen boot, may mean that slurmctld has lost its state: no job that it knows
 * of needs the Pod, yet people are given the time of an unknown Pod to notice.
 */
import { isDown, isLeftAlone, isParked } from "../../slurm/node-flags.ts";
import { findWorkers, isSettled, type Rule } from "../rule.ts";
import type { Worker } from "../snapshot.ts";

const name = "leaked-pod";

/** See the head of this file. */
export const leakedPod: Rule = {
  name,
  find: (snapshot) => findWorkers(snapshot, isLeaked),
  decide: ({ worker }, observed, context) => {
    const { now, settings } = context;
    if (!isSettled(observed, context)) return [];
    if (isForgotten(worker) && now - observed.since < settings.unknownPodSeconds * 1000) return [];
    const what = worker.pod === undefined ? "it is still named in podsToBeCreated" : "its Pod still lives";
    const message = `is powered down and ${what}`;
    return [{ kind: "suspend", node: worker.name, rule: name, code: "LeakedPod", message }];
  },
};

function isLeaked({ group, node, pod, wanted, unwanted }: Worker): boolean {
  if (group === undefined || node === undefined || !isParked(node) || isLeftAlone(node)) return false;
  return wanted || (pod !== undefined && pod.deleted === undefined && !unwanted);
}

function isForgotten({ node, pod }: Worker): boolean {
  return pod?.ready === true && node !== undefined && node.bootTime === undefined && !isDown(node);
}
