/**
 * stale-boot: a node that powers up, whose Pod is ready and whose slurmd never registered. Slurm only counts a boot that is later than its
 * own request, so a Pod of an earlier power-up never will.
 *
 * Acts once a Pod has been ready for the limit: the very Pod is deleted, for the operator to make it anew. When the new one does not
 * register either, the node is set DOWN as NeverRegistered and withdrawn.
 *
 * Must not act for a Pod that is not ready (failing-pod's, or just slow) or is being deleted; nor for a worker that is not wanted, whose Pod
 * nobody would make anew; nor for a node that is up, DOWN, or held by an admin.
 */

import { isDown, isLeftAlone, isPoweringUp } from "../../slurm/node-flags.ts";
import { giveUp } from "../back-off.ts";
import type { Rule } from "../rule.ts";

const name = "stale-boot";

/** See the head of this file. */
export const staleBoot: Rule = {
  name,
  find: ({ workers }) =>
    workers
      .values()
      .flatMap((worker) => {
        const { group, node, pod, wanted, unwanted } = worker;
        if (group === undefined || node === undefined || !wanted || unwanted) return [];
        if (pod === undefined || !pod.ready || pod.deleted !== undefined) return [];
        if (!isPoweringUp(node) || isDown(node) || isLeftAlone(node)) return [];
        return [{ worker, key: pod.uid }];
      })
      .toArray(),
  decide: ({ worker: { name: node }, key: uid }, { since }, context) => {
    if (context.now - since < context.settings.registrationSeconds * 1000) return [];
    const code = "NeverRegistered";
    const before = context.recreated.get(node);
    if (before === undefined || before === uid) {
      const message = "is powering up, and its Pod is ready but its slurmd did not register; it is made anew";
      return [{ kind: "delete-pod", node, rule: name, code, message, uid }];
    }
    const message = "has a Pod that is ready, but its slurmd did not register, nor did that of the Pod before";
    return giveUp({ node, rule: name, code, message }, context);
  },
};
