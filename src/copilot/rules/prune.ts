/**
 * prune: a name in podsToBeDeleted has done its work once its Pod is gone; it is taken out, so that the resource stays small.
 *
 * Acts when, for two rounds, there is no Pod, the operator's status lists none, and the node is powered down or unknown to Slurm.
 *
 * Must not act on names of no group of the resource, which are not ours to interpret; nor while the node is in any other state, as then
 * another rule has yet to deal with it.
 */
import { isPoweredDown } from "../../slurm/node-flags.ts";
import { findWorkers, isSettled, type Rule } from "../rule.ts";

const name = "prune";

/** See the head of this file. */
export const prune: Rule = {
  name,
  find: (snapshot) =>
    findWorkers(snapshot, ({ group, node, pod, wanted, unwanted, available }) => {
      if (group === undefined || !unwanted || wanted || pod !== undefined || available) return false;
      return node === undefined || isPoweredDown(node);
    }),
  decide: ({ worker }, observed, context) =>
    isSettled(observed, context)
      ? [{ kind: "forget", node: worker.name, rule: name, code: "PodEnded", message: "has no Pod any more" }]
      : [],
};
