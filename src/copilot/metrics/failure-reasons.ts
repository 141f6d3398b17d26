/**
 * The words of failures as labels, of which there must be no more than are known here, and the failures that others than the copilot
 * told Slurm of. Pure.
 */
import type { KubernetesErrorKind } from "../../kubernetes/errors.ts";
import { ownReason } from "../../slurm/node-flags.ts";
import type { RefusedNodeName } from "../../slurm/node-name.ts";
import { failures, upkeep } from "../codes.ts";
import type { Snapshot } from "../snapshot.ts";

/** What slurm-resume calls the failures that it finds, the compiler sees to it that it is all of them. */
const programCodes: Readonly<Record<KubernetesErrorKind | RefusedNodeName["refusal"] | "Settings", true>> = {
  Conflict: true,
  Credentials: true,
  Forbidden: true,
  Gone: true,
  IndexTooLarge: true,
  Invalid: true,
  JobIncomplete: true,
  LeadingZero: true,
  Malformed: true,
  Network: true,
  NotAWorkerName: true,
  NotFound: true,
  NotOfThisCluster: true,
  ServerError: true,
  Settings: true,
  TestFailed: true,
  Throttled: true,
  Timeout: true,
  Tls: true,
  Unauthorized: true,
  Unexpected: true,
  UnknownGroup: true,
};

/** slurmctld's own: the node did not come in time, or did not answer, and nobody said why before. */
const slurmctldCodes: readonly string[] = ["NotResponding", "ResumeTimeout"];

/** What failures of Pods and nodes are, and not only mistakes of settings. */
export const countedFailures: readonly string[] = [...Object.keys(failures), ...slurmctldCodes];

/** A code as a label: itself where it is one of ours, else "Other". */
export function reasonLabel(code: string): string {
  const known = [failures, upkeep, programCodes].some((codes) => Object.hasOwn(codes, code));
  return known || slurmctldCodes.includes(code) ? code : "Other";
}

/** Reasons that are known already: what tells one from the next, by node. */
export type KnownFailures = ReadonlyMap<string, string>;

/** Failures of nodes that Slurm was told of by slurm-resume or found out by itself; the copilot's own Reasons carry a strike. */
export function followFailures(
  before: KnownFailures | undefined,
  { workers }: Snapshot,
): { readonly after: KnownFailures; readonly failed: readonly { readonly group: string; readonly reason: string }[] } {
  const after = new Map<string, string>();
  const failed: { group: string; reason: string }[] = [];
  for (const { name, group = "", node } of workers.values()) {
    const reason = node && ownReason(node);
    if (node === undefined || reason === undefined || reason.strike !== undefined) continue;
    const occurrence = `${reason.code} ${node.reasonTime ?? ""}`;
    after.set(name, occurrence);
    // What is there in the first look was counted by the copilot of before, or by nobody: it is no failure of now.
    if (before !== undefined && before.get(name) !== occurrence)
      failed.push({ group, reason: reasonLabel(reason.code) });
  }
  return { after, failed };
}
