/**
 * The messages of a run, in the wording that runbooks for SlurmCluster search the logs for. For one node they read as they always did;
 * several nodes of a group are folded into one line, as ten thousand lines help nobody.
 */
import type { Action } from "../scaling/group-sets.ts";
import type { Identity } from "../settings/identity.ts";
import { foldIndexes, foldNames, type ResolvedNames, workerStem } from "../slurm/node-name.ts";
import type { WaitingJob } from "../slurm/resume-file.ts";

/** First line of a run. */
export function identityMessage({ namespace, cluster }: Identity): string {
  return `namespace: ${namespace} cluster: ${cluster}`;
}

/** `verb` is what was called: resume, suspend or resume-fail. */
export function calledMessage(verb: string, argument: string): string {
  return `${verb} called, args [${argument}]`;
}

/** Said of a job that waits for nodes of this call; `waiting-jobs.ts` finds it again when they fail. */
export function waitingMessage({ jobId, nodes, partition }: WaitingJob): string {
  return `job ${jobId}${partition === undefined ? "" : ` (partition ${partition})`} waits for ${nodes}`;
}

/** Said before the resource is read. */
export function metadataMessage({ namespace, cluster }: Identity): string {
  return `slurm cluster metadata: ${namespace} ${cluster}`;
}

/** Said once the resource is read. */
export function readMessages({ cluster }: Identity, { byGroup, refused }: ResolvedNames): string[] {
  const hostlists = [...byGroup].map(([group, indexes]) => foldIndexes(workerStem(cluster, group), indexes));
  if (refused.length > 0) hostlists.push(foldNames(refused.map(({ name }) => name)));
  return [`get SlurmCluster CR ${cluster} succeed`, `hostlists: [${hostlists.join()}]`];
}

/** Said of the nodes of one group before the request is written. */
export function groupMessages(action: Action, cluster: string, group: string, indexes: ReadonlySet<number>): string[] {
  const worker = workers(group, indexes);
  return [`${action} node ${cluster}-worker${worker}`, `${action} worker ${worker}`];
}

/** Said of the nodes of one group once the request is recorded. */
export function groupEndMessage(action: Action, group: string, indexes: ReadonlySet<number>): string {
  return `${action} node ${workers(group, indexes)} end`;
}

/** Last line of a run, whatever happened in it. */
export function finishedMessage(
  verb: string,
  counts: { readonly recorded: number; readonly failed: number },
  milliseconds: number,
  exitCode: number,
): string {
  return `${verb} finished: ${counts.recorded} recorded, ${counts.failed} failed, ${Math.round(milliseconds)} ms, exit ${exitCode}`;
}

/** `-cpu-0` or `-cpu-[0-3,7]`: the part of the node names that tells workers of a cluster apart. */
function workers(group: string, indexes: ReadonlySet<number>): string {
  return foldIndexes(`-${group}-`, indexes);
}
