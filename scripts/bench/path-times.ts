/** When what happened between sbatch and a job's first line, out of logs; and how long each part of the way took. Pure. */
import type { AuditEvent } from "../cluster/audit.ts";

/** Who takes the time of a span: `ours` are programs and operator of this repository. */
export type Owner = "slurm" | "ours" | "kubernetes";

/** A part of the way. */
export interface Span {
  readonly name: string;
  readonly owner: Owner;
  /** Milliseconds. */
  readonly length: number;
}

/** The spans of one job: those that follow each other, from sbatch to the job's first line; and the program's end beside them. */
export interface Path {
  readonly spans: readonly Span[];
  /** From kube-apiserver's answer to PATCH to the program's end, while the operator goes on already. */
  readonly ending: Span;
}

/** What is known of a job and its node. */
export interface PathSources {
  readonly jobId: string;
  readonly node: string;
  /** slurmctld's own file, in UTC; each line begins with `[2026-01-02T08:00:00.123]`. */
  readonly slurmctldLog: string;
  readonly resumeLog: string;
  readonly audit: readonly AuditEvent[];
  /** Epoch milliseconds: start of the first process of the worker's container. */
  readonly containerStarted: number;
  /** Epoch milliseconds, as the job's script printed it. */
  readonly jobStarted: number;
}

/** How far clocks of logs with milliseconds may be behind those with microseconds, in milliseconds. */
const ROUNDING = 5;

/** Finds the times of a job. @throws Error that names what is missing, there twice, or in the wrong order */
export function pathOf(sources: PathSources): Path {
  const { jobId, node, slurmctldLog, resumeLog, audit, containerStarted, jobStarted } = sources;
  const slurmctld = (pattern: string): RegExpExecArray =>
    onlyOne(pattern, [...slurmctldLog.matchAll(new RegExp(`^\\[(\\S+)\\] .*${pattern}`, "gm"))]);
  const submit = slurmctld(`_slurm_rpc_submit_batch_job: JobId=${jobId} .*usec=(\\d+)`);
  const woken = at(slurmctld(`power_save: pid \\d+ waking nodes ${node}$`));
  const registered = at(slurmctld(`Node ${node} now responding`));
  const called = resumeLog.lastIndexOf(`resume called, args [${node}]`);
  const run = /(\S+) $/.exec(resumeLog.slice(0, Math.max(called, 0)))?.[1];
  const finished = at(
    onlyOne(`the end of run ${run}`, [
      ...resumeLog.matchAll(new RegExp(`^(\\S+) INFO +${run} resume finished: 1 recorded, 0 failed,.*exit 0$`, "gm")),
    ]),
  );
  const answered = audit.filter(({ requestReceivedTimestamp }) => Date.parse(requestReceivedTimestamp) > woken - 1000);
  const patch = onlyOne(
    `a PATCH for ${node}`,
    answered.filter(
      ({ verb, objectRef, userAgent = "" }) =>
        verb === "patch" &&
        objectRef?.resource === "slurmclusters" &&
        objectRef.subresource === undefined &&
        userAgent.startsWith("slurmctld-copilot/"),
    ),
  );
  const create = onlyOne(
    `a Pod ${node} made by the operator`,
    answered.filter(
      ({ verb, objectRef, userAgent = "" }) =>
        verb === "create" &&
        objectRef?.resource === "pods" &&
        objectRef.name === node &&
        userAgent.startsWith("slurm-operator/"),
    ),
  );
  const patchEnd = millisecondsOf(patch.stageTimestamp);
  const marks: readonly [name: string, owner: Owner, end: number][] = [
    ["Slurm waits until it wakes nodes", "slurm", woken],
    ["hook script and slurmctld-copilot", "ours", millisecondsOf(patch.requestReceivedTimestamp)],
    ["PATCH of the SlurmCluster", "kubernetes", patchEnd],
    ["slurm-operator reacts", "ours", millisecondsOf(create.requestReceivedTimestamp)],
    ["POST of the Pod", "kubernetes", millisecondsOf(create.stageTimestamp)],
    ["Pod starts", "kubernetes", containerStarted],
    ["slurmd starts and registers", "slurm", registered],
    ["Slurm starts the job", "slurm", jobStarted],
  ];
  let begin = at(submit) - Number(submit[2]) / 1000;
  const spans = marks.map(([name, owner, end]) => {
    const span = { name, owner, length: lengthOf(name, begin, end) };
    begin = end;
    return span;
  });
  return {
    spans,
    ending: { name: "copilot answers, script exits", owner: "ours", length: lengthOf("exit", patchEnd, finished) },
  };
}

function lengthOf(name: string, begin: number, end: number): number {
  if (end < begin - ROUNDING) throw new Error(`"${name}" ends ${begin - end} ms before it begins`);
  return Math.max(0, end - begin);
}

function onlyOne<T>(what: string, found: readonly T[]): T {
  const [one] = found;
  if (one === undefined || found.length > 1) throw new Error(`${what}: found ${found.length} times instead of once`);
  return one;
}

/** The time that a line begins with. */
function at(match: RegExpExecArray): number {
  return millisecondsOf(match[1] ?? "");
}

/** RFC 3339 to epoch milliseconds, with what it says beyond whole ones, which Date leaves out. UTC where it names no zone. */
export function millisecondsOf(time: string): number {
  const [, seconds = "", fraction = "0", zone] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(time) ?? [];
  return Date.parse(`${seconds}${zone || "Z"}`) + Number(`0.${fraction}`) * 1000;
}
