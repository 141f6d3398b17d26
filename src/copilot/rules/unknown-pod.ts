/**
 * unknown-pod: a worker Pod that no Slurm node belongs to, such as one whose node was taken out of slurm.conf.
 *
 * Acts on a Pod of the cluster whose name belongs to a worker group, when it is older than the grace and has been without a node for as
 * long: a node list may be read before slurm.conf is.
 *
 * Must not act on a Pod whose name belongs to no group of the resource: nobody can say whose it is.
 */
import { findWorkers, type Rule } from "../rule.ts";

const name = "unknown-pod";

/** See the head of this file. */
export const unknownPod: Rule = {
  name,
  find: (snapshot) =>
    findWorkers(snapshot, ({ node, pod, wanted, unwanted }) => {
      if (node !== undefined || pod === undefined) return false;
      return wanted || (pod.deleted === undefined && !unwanted);
    }),
  decide: ({ worker: { name: node, group, pod } }, { since }, { now, settings }) => {
    if (group === undefined || pod === undefined) return [];
    if (now - Math.max(since, pod.created) < settings.unknownPodSeconds * 1000) return [];
    return [{ kind: "suspend", node, rule: name, code: "UnknownPod", message: "has a Pod and is not known to Slurm" }];
  },
};
