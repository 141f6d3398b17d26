/**
 * capacity-back-off: when a group's Pods fail for a reason that all of them share (no room, a quota, an image that cannot be pulled …), its
 * parked nodes are closed for a while, so that the scheduler takes another partition or group and not the next node of the same one, which
 * would fail as well.
 *
 * Acts on nodes that are IDLE and powered down, without Pod, of a group in which a node is DOWN by us for such a reason (codes.ts tells
 * which) and its back-off is not over. They are set DOWN as CapacityBackOff until then, which is no strike, and return-to-service opens
 * them again. So it does when the resource has one group only: jobs wait either way, and the nodes need not fail one after the other.
 *
 * Must not act on a node that is up, on its way up or down, allocated, reserved, wanted, or held by an admin; nor overwrite a Reason that
 * is not ours.
 */

import { isIdlePoweredDown, isLeftAlone, ownReason } from "../../slurm/node-flags.ts";
import { parseReason } from "../../slurm/own-reason.ts";
import { isOfGroup } from "../codes.ts";
import type { Rule } from "../rule.ts";
import type { Snapshot, Worker } from "../snapshot.ts";

const name = "capacity-back-off";

/** See the head of this file. */
export const capacityBackOff: Rule = {
  name,
  find: (snapshot) => {
    const closed = closedGroups(snapshot);
    if (closed.size === 0) return [];
    return snapshot.workers
      .values()
      .flatMap((worker) => {
        const closure = closed.get(worker.group ?? "");
        return closure !== undefined && isOpen(worker) ? [{ worker, key: `${closure.until} ${closure.code}` }] : [];
      })
      .toArray();
  },
  decide: ({ worker: { name: node, group }, key }, _observed, { now, strikes }) => {
    const [end, cause] = key.split(" ");
    const until = Number(end);
    if (until <= now) return [];
    const message = `is closed as Pods of group ${group} fail: ${cause}`;
    const strike = strikes.get(node) ?? 0;
    return [{ kind: "set-down", node, rule: name, code: "CapacityBackOff", message, strike, until }];
  },
};

interface Closure {
  /** Epoch milliseconds. */
  readonly until: number;
  readonly code: string;
}

/** Groups whose Pods fail, with the end of the longest back-off and its cause. */
function closedGroups({ workers }: Snapshot): ReadonlyMap<string, Closure> {
  const closed = new Map<string, Closure>();
  for (const { group, node } of workers.values()) {
    const { code, until } = (node && ownReason(node)) ?? {};
    if (group === undefined || code === undefined || until === undefined || !isOfGroup(code)) continue;
    if (until > (closed.get(group)?.until ?? 0)) closed.set(group, { until, code });
  }
  return closed;
}

function isOpen({ node, pod, wanted }: Worker): boolean {
  if (node === undefined || pod !== undefined || wanted || isLeftAlone(node) || !isIdlePoweredDown(node)) return false;
  return node.reason === undefined || parseReason(node.reason) !== undefined;
}
