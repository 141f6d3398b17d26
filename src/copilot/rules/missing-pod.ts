/**
 * missing-pod: a node that powers up, that podsToBeCreated names, and for which there is no Pod to wait for: the operator made none, or the
 * one of before does not end and keeps its name.
 *
 * Acts when that has lasted
 * - for the limit of a Pod that fails, if the operator's status tells of an exceeded quota: QuotaExceeded;
 * - for the limit of a Pod that is missing, if nothing tells why: NeverCreated, with whatever the operator says;
 * - for the limit of a Pod that fails after the grace of a Pod that is being deleted: PodStuck, or NodeLost where Kubernetes says so.
 * The node is set DOWN with that reason, so that its job is requeued, and withdrawn.
 *
 * Must not act for a worker that is not wanted, which is lost-resume's; nor for a node that is up, DOWN, or held by an admin.
 */
import { isDown, isLeftAlone, isPoweringUp } from "../../slurm/node-flags.ts";
import { giveUp } from "../back-off.ts";
import type { FailureCode } from "../codes.ts";
import { findWorkers, type Rule, type RuleContext } from "../rule.ts";
import type { Worker } from "../snapshot.ts";

const name = "missing-pod";

/** See the head of this file. */
export const missingPod: Rule = {
  name,
  find: (snapshot) =>
    findWorkers(snapshot, ({ group, node, pod, wanted, unwanted }) => {
      if (group === undefined || node === undefined || !wanted || unwanted) return false;
      if (pod !== undefined && pod.deleted === undefined) return false;
      return isPoweringUp(node) && !isDown(node) && !isLeftAlone(node);
    }),
  decide: ({ worker }, { since }, context) => {
    const { seconds, ...why } = absence(worker, context);
    const from = Math.max(since, worker.pod?.graceEnds ?? 0);
    if (context.now - from < seconds * 1000) return [];
    return giveUp({ node: worker.name, rule: name, ...why }, context);
  },
};

/** Why there is no Pod, and after how many seconds nobody waits for it any longer. */
function absence(
  { pod }: Worker,
  { settings, snapshot: { operatorReason = "" } }: RuleContext,
): { readonly code: FailureCode; readonly message: string; readonly seconds: number } {
  const { failingPodSeconds, missingPodSeconds } = settings;
  if (pod !== undefined) {
    const code = pod.failure?.code === "NodeLost" ? "NodeLost" : "PodStuck";
    const why = code === "NodeLost" ? `: ${pod.failure?.message}` : "";
    return { code, message: `is powering up, and its old Pod does not end${why}`, seconds: failingPodSeconds };
  }
  const says = operatorReason === "" ? "" : `; the operator says: ${operatorReason}`;
  const message = `is powering up, and its Pod was never made${says}`;
  // The words of kube-apiserver's admission plugin ResourceQuota (resourcequota/controller.go).
  if (/exceeded quota/i.test(operatorReason)) return { code: "QuotaExceeded", message, seconds: failingPodSeconds };
  return { code: "NeverCreated", message, seconds: missingPodSeconds };
}
