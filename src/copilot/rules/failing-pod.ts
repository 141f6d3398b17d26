/**
 * failing-pod: a node that powers up and whose Pod does not get there: Unschedulable, ImagePullBackOff, CrashLoopBackOff and so on.
 *
 * Acts once the failure has lasted for the limit: the node is set DOWN with that reason, so that its job is requeued now and not after
 * ResumeTimeout, and the Pod is withdrawn, so that it does not come late. The back-off doubles with each failure in a row. A failure lasts
 * from when Kubernetes says that it began, or else from when we first saw it (decide.ts), and not from the start of the Pod: one that has
 * pulled an image for minutes, and then meets a registry that hiccups once, is still given the limit.
 *
 * Must not act for a node that is up, whose slurmd may do well beside a container that fails; nor for one that is DOWN already; nor for one
 * that an admin holds; nor for a Pod that is being deleted, as the operator makes a new one.
 */

import { isDown, isLeftAlone, isPoweringUp } from "../../slurm/node-flags.ts";
import { giveUp } from "../back-off.ts";
import { findWorkers, type Rule } from "../rule.ts";

const name = "failing-pod";

/** See the head of this file. */
export const failingPod: Rule = {
  name,
  find: (snapshot) =>
    findWorkers(snapshot, ({ group, node, pod }) => {
      if (group === undefined || node === undefined || pod?.failure === undefined || pod.deleted !== undefined)
        return false;
      return isPoweringUp(node) && !isDown(node) && !isLeftAlone(node);
    }),
  decide: ({ worker: { name: node, pod } }, _observed, context) => {
    const failure = pod?.failure;
    if (failure === undefined) return [];
    const { failingPodSeconds, unschedulableSeconds } = context.settings;
    // What adds machines to Kubernetes waits for just such Pods, and takes minutes.
    const limit = failure.code === "Unschedulable" ? unschedulableSeconds : failingPodSeconds;
    if (context.now - failure.since < limit * 1000) return [];
    return giveUp(
      { node, rule: name, code: failure.code, message: `has a Pod that fails: ${failure.message}` },
      context,
    );
  },
};
