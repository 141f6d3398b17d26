/**
 * What a node's state means. Each question asks for flags that are there or not, never for an exact set: releases add flags,
 * and a node is `IDLE+CLOUD+POWERED_DOWN+RESERVED` as easily as `IDLE+CLOUD+POWERED_DOWN`. The flags and what sets them: Slurm's
 * src/common/slurm_protocol_defs.c and src/slurmctld/power_save.c.
 */
import type { NodeRecord } from "./node-record.ts";
import { type OwnReason, parseReason } from "./own-reason.ts";

/** A node as far as its state goes. */
type Flags = Pick<NodeRecord, "state">;

function hasAny({ state }: Flags, ...flags: readonly string[]): boolean {
  return flags.some((flag) => state.has(flag));
}

/** A node that Slurm powers up and down. All others are no concern of ours, whatever they are called. */
export function isCloud(node: Flags): boolean {
  return hasAny(node, "CLOUD") && !hasAny(node, "FUTURE");
}

/** Its ResumeProgram was called and it has not registered since. */
export function isPoweringUp(node: Flags): boolean {
  return isCloud(node) && hasAny(node, "POWERING_UP");
}

/**
 * Powered down, or on the way there, and to stay so. A node that a job was allocated to (`ALLOCATED+CLOUD+POWERED_DOWN`), or that POWER_UP
 * was asked for, is about to be powered up, and POWER_DOWN has not begun yet.
 */
export function isParked(node: Flags): boolean {
  return (
    isCloud(node) &&
    hasAny(node, "POWERED_DOWN", "POWERING_DOWN") &&
    !hasAny(node, "POWERING_UP", "POWER_UP", "POWER_DOWN", "ALLOCATED", "MIXED")
  );
}

/** {@link isParked}, and no longer on the way. */
export function isPoweredDown(node: Flags): boolean {
  return isParked(node) && hasAny(node, "POWERED_DOWN") && !hasAny(node, "POWERING_DOWN");
}

/** Slurm counts on it: it has registered, it is not powered down or on the way up or down, and not DOWN. */
export function isUp(node: Flags): boolean {
  return (
    isCloud(node) &&
    hasAny(node, "IDLE", "ALLOCATED", "MIXED") &&
    !hasAny(node, "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP", "POWER_UP")
  );
}

/** No job runs on it and none is given to it. */
export function isDown(node: Flags): boolean {
  return hasAny(node, "DOWN");
}

/** Nothing is planned for it but to be powered up when a job comes. */
export function isIdlePoweredDown(node: Flags): boolean {
  return isPoweredDown(node) && hasAny(node, "IDLE") && !hasAny(node, "RESERVED");
}

/** An admin has plans for it: DRAIN, FAIL, maintenance, a reboot. DOWN would overwrite their Reason, and a return undo the DRAIN. */
export function isHeld(node: Flags): boolean {
  return hasAny(node, "DRAIN", "FAIL", "MAINTENANCE", "REBOOT_REQUESTED", "REBOOT_ISSUED", "FUTURE");
}

/**
 * {@link isHeld}, or Slurm is about to change it by itself (COMPLETING, a POWER_DOWN that waits for jobs to end). Neither its state nor its
 * Pod are touched.
 */
export function isLeftAlone(node: Flags): boolean {
  return isHeld(node) || hasAny(node, "COMPLETING", "POWER_DOWN");
}

/**
 * What slurmctld says of a node that did not come within ResumeTimeout; from 23.02 on behind a Reason that is there, and more than once when
 * a node that is DOWN is powered up by hand. What stands before it differs between releases, but it is never a letter or a bracket.
 */
const RESUME_TIMEOUT = /(?:[^\w\])]*ResumeTimeout reached)+$/;

/**
 * What slurmctld says of a node whose slurmd did not answer for SlurmdTimeout (src/slurmctld/ping_nodes.c). It knows its own words by this
 * beginning itself (ReturnToService=1, src/slurmctld/node_mgr.c).
 */
const NOT_RESPONDING = "Not responding";

/**
 * Why we set a node DOWN; `undefined` when we did not. Two Reasons of slurmctld's count as ours when they are all that the Reason says, since
 * without us such a node would stay DOWN for ever: ResumeTimeout, as the node did not come because its Pod did not; and, once the node is
 * powered down, that it did not respond: what did not is gone, and the next time another Pod comes. Until then it may still answer.
 */
export function ownReason(node: Flags & Pick<NodeRecord, "reason">): OwnReason | undefined {
  if (!isCloud(node) || !isDown(node) || !node.reason) return undefined;
  const before = node.reason.replace(RESUME_TIMEOUT, "");
  if (before === "") return { code: "ResumeTimeout", message: "did not come within ResumeTimeout" };
  if (before !== NOT_RESPONDING) return parseReason(before);
  return isPoweredDown(node)
    ? { code: "NotResponding", message: "slurmd did not answer for SlurmdTimeout" }
    : undefined;
}

/**
 * Its Pod is to be there: Slurm powers it up or counts on it, or it was set DOWN by somebody else than us, who may return it as it is. Not
 * while POWER_DOWN waits for its jobs to end.
 */
export function isInUse(node: Flags & Pick<NodeRecord, "reason">): boolean {
  if (isPoweringUp(node)) return !isDown(node);
  if (!isCloud(node) || hasAny(node, "POWER_DOWN")) return false;
  if (isUp(node)) return true;
  return isDown(node) && !hasAny(node, "POWERED_DOWN", "POWERING_DOWN") && ownReason(node) === undefined;
}

/** Whether jobs are allocated to the node. */
export function hasJobs({ state }: Flags): boolean {
  return state.has("ALLOCATED") || state.has("MIXED");
}
