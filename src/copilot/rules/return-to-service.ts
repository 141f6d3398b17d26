/**
 * return-to-service: brings nodes back that we set DOWN: withdrawn, powered down, and when the back-off is over, open to jobs again.
 *
 * Acts on a node that is DOWN with a Reason of ours (the copilot's or slurm-resume's), one step at a time:
 * - not powered down, and still wanted or with a Pod that nobody ends, for two rounds: suspend. Setting it DOWN went through and the rest
 *   did not.
 * - not powered down, not wanted, Pod gone: POWER_DOWN. It takes POWERING_UP away, whose ResumeTimeout would strike the node once more.
 * - powered down, not wanted, Pod gone, back-off over, fewer strikes than the limit: RESUME. The back-off is in the Reason, or counts from
 *   the Reason's time.
 * A node that is DOWN and powered down with Slurm's own "ResumeTimeout reached" or "Not responding", and nothing else, counts as ours: its Pod
 * did not come, or is gone, and nobody else would ever return it.
 *
 * Must not act on any other Reason; nor on a node that does not respond and is not powered down, which may answer again; nor on one that an
 * admin holds besides; nor while it powers down.
 */

import { isLeftAlone, isParked, isPoweredDown, ownReason } from "../../slurm/node-flags.ts";
import { backOff } from "../back-off.ts";
import { findWorkers, isSettled, type Observed, type Rule, type RuleContext } from "../rule.ts";
import type { Worker } from "../snapshot.ts";

const name = "return-to-service";

/** See the head of this file. */
export const returnToService: Rule = {
  name,
  find: (snapshot) => findWorkers(snapshot, isOurs),
  decide: ({ worker }, observed, context) => {
    const { node, pod, wanted, unwanted } = worker;
    if (node === undefined) return [];
    const step = { node: worker.name, rule: name };
    const cause = ownReason(node)?.code ?? "";
    if (isPoweredDown(node)) {
      if (wanted || pod !== undefined || !isOver(worker, observed, context)) return [];
      return [
        { ...step, kind: "return", code: "BackOffOver", message: `is DOWN as ${cause} and its back-off is over` },
      ];
    }
    if (isParked(node)) return [];
    if (wanted || (pod !== undefined && !unwanted)) {
      if (!isSettled(observed, context)) return [];
      return [{ ...step, kind: "suspend", code: "NotWithdrawn", message: `is DOWN as ${cause}, and not withdrawn` }];
    }
    if (pod !== undefined) return [];
    return [{ ...step, kind: "power-down", code: "Withdrawn", message: `is DOWN as ${cause} and its Pod is gone` }];
  },
};

function isOurs({ group, node }: Worker): boolean {
  if (group === undefined || node === undefined || isLeftAlone(node)) return false;
  const reason = ownReason(node);
  return reason !== undefined && (reason.code !== "ResumeTimeout" || isPoweredDown(node));
}

function isOver(
  { name: node, node: record }: Worker,
  observed: Observed,
  { now, settings, strikes }: RuleContext,
): boolean {
  if (record === undefined) return false;
  const strike = strikes.get(node) ?? 1;
  if (strike >= settings.strikeLimit) return false;
  const from = record.reasonTime === undefined ? observed.since : record.reasonTime * 1000;
  return now >= (ownReason(record)?.until ?? from + backOff(strike, settings));
}
