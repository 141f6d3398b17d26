/** Every Event that the operator tells, on the SlurmCluster. */
import type { EventText } from "../../kubernetes/events.ts";
import { foldNames } from "../../slurm/node-name.ts";
import type { RemovalReason } from "../plan-workers.ts";

const normal = (reason: string, message: string): EventText => ({ type: "Normal", reason, message });
const warning = (reason: string, message: string): EventText => ({ type: "Warning", reason, message });

/** These workers were created. */
export const workersCreated = (names: readonly string[]): EventText =>
  normal("WorkerCreated", `created ${foldNames(names)}`);

const why: Readonly<Record<RemovalReason, string>> = {
  GroupRemoved: "its group is no longer in workerGroupSpecs",
  NamedForDeletion: "named in podsToBeDeleted",
  PodEnded: "it had ended, and is made again",
  SurplusWorker: "more than replicas, in a group that Slurm does not manage",
};

/** These workers were deleted, for one reason. */
export const workersDeleted = (reason: RemovalReason, names: readonly string[]): EventText =>
  normal("WorkerDeleted", `deleted ${foldNames(names)}: ${why[reason]}`);

/** These workers of a group that Slurm manages, or does not, live though nobody asks for them. */
export const surplusWorkers = (names: readonly string[], managed: boolean): EventText =>
  warning(
    "SurplusWorker",
    `${foldNames(names)}: nobody asks for it, and it stays: ` +
      (managed
        ? "in a group that Slurm manages only podsToBeDeleted ends a worker"
        : "this operator did not make it; only podsToBeDeleted ends it"),
  );

/** These workers are in both lists. */
export const contradictoryWorkers = (names: readonly string[]): EventText =>
  warning("ContradictoryLists", `${foldNames(names)}: in podsToBeCreated and in podsToBeDeleted; nothing is done`);

/** These names in podsToBeDeleted mean nothing to the group. */
export const foreignNames = (names: readonly string[]): EventText =>
  warning("UnknownName", `podsToBeDeleted names ${foldNames(names)}, which is no worker of that group; ignored`);

/** These workers were made from what the resource no longer says. */
export const outdatedWorkers = (names: readonly string[]): EventText =>
  normal("OutdatedTemplate", `${foldNames(names)}: made from an older template; the new one holds from the next start`);

/** This group gives slurmd no limits to go by. */
export const withoutLimits = (group: string): EventText =>
  warning("NoLimits", `group ${group} has no CPU and memory limits: its slurmd takes the whole machine for its own`);

/** The specification is refused; given what is wrong with it. */
export const invalidSpec = (problem: string): EventText => warning("InvalidSpec", `${problem}; nothing is changed`);

/** Something could not be done; given what and why. */
export const refused = (refusal: string): EventText => warning("Refused", refusal);
