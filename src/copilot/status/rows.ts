/** The rows of the status table. Pure. */

import { compactState } from "../../slurm/compact-state.ts";
import { isDown, isLeftAlone } from "../../slurm/node-flags.ts";
import { foldNames } from "../../slurm/node-name.ts";
import { durationRange } from "../../text/duration.ts";
import { failures } from "../codes.ts";
import { isPlain, podStatus, reasonText, stepText, waitText, wantedWord } from "../inspect/describe.ts";
import { forecast, type NextStep } from "../inspect/forecast.ts";
import type { Look } from "../inspect/look.ts";
import type { Worker } from "../snapshot.ts";

/** One worker with what is to come. */
export interface WorkerStatus {
  readonly worker: Worker;
  /** Failures in a row. */
  readonly strikes: number;
  readonly step?: NextStep;
}

/** How much a row needs an admin: something fails, somebody holds the node, or all goes its way. */
type Urgency = "failing" | "held" | "usual";

/** One row: workers of which all is equal but times. */
export interface StatusRow {
  /** Hostlist. */
  readonly nodes: string;
  readonly urgency: Urgency;
  /** As `sinfo -o %t` says it; "?" where Slurm could not be read, "-" for a worker that Slurm does not have. */
  readonly state: string;
  readonly wanted: string;
  readonly pod: string;
  /** Of the Pods; "" without. */
  readonly age: string;
  readonly strikes: string;
  readonly next: string;
  readonly reason: string;
}

/** All workers in the order of their names, each with its next step. Without a complete snapshot nobody can tell what comes next. */
export function workerStatuses(look: Look): readonly WorkerStatus[] {
  const { snapshot, memory, settings, now } = look;
  const steps = canTellNext(look) ? forecast(snapshot, memory, settings, now) : new Map<string, NextStep>();
  return [...snapshot.workers.values()]
    .sort((a, b) => byName.compare(a.name, b.name))
    .map((worker) => {
      const step = steps.get(worker.name);
      const strikes = memory.strikes.get(worker.name)?.count ?? 0;
      return { worker, strikes, ...(step !== undefined && { step }) };
    });
}

/** Whether what comes next can be told: everything was read, and a copilot that runs is not kept from acting. */
export function canTellNext({ unknown, copilot }: Look): boolean {
  return unknown.size === 0 && copilot.state !== "does nothing";
}

/** All of them, or those that are not plainly parked or running. */
export function shownStatuses(statuses: readonly WorkerStatus[], all: boolean): readonly WorkerStatus[] {
  return all ? statuses : statuses.filter(({ worker, step }) => step !== undefined || !isPlain(worker));
}

/** Rows for these workers; the urgent first. */
export function statusRows(look: Look, statuses: readonly WorkerStatus[]): readonly StatusRow[] {
  const alike = Map.groupBy(statuses, (status) => JSON.stringify(withoutTimes(status, look)));
  const rows = [...alike.values()].map((group): StatusRow => {
    const [first] = group as [WorkerStatus];
    const { when, ...fields } = withoutTimes(first, look);
    const ages = group.flatMap(({ worker: { pod } }) => (pod === undefined ? [] : [look.now - pod.created]));
    const waits = group.flatMap(({ step }) => (step === undefined ? [] : [step.at - look.now]));
    return {
      ...fields,
      nodes: foldNames(group.map(({ worker }) => worker.name)),
      age: ages.length === 0 ? "" : durationRange(ages),
      next: when ? fields.next.replace("…", durationRange(waits)) : fields.next,
    };
  });
  return rows.sort((a, b) => urgencies.indexOf(a.urgency) - urgencies.indexOf(b.urgency));
}

const urgencies: readonly Urgency[] = ["failing", "held", "usual"];

/** Numbers in names count as numbers, as in a hostlist. */
const byName = new Intl.Collator("en", { numeric: true });

/** What must be equal in a row. `when` says that `next` has a time, which stands as "…". */
function withoutTimes(status: WorkerStatus, look: Look): Omit<StatusRow, "nodes" | "age"> & { readonly when: boolean } {
  const { worker, strikes, step } = status;
  const { node, pod } = worker;
  const when = step !== undefined && !step.heldBack && step.at > look.now;
  return {
    urgency: urgencyOf(status),
    state: node === undefined ? missing(look, "slurm") : compactState(node.state),
    wanted: look.unknown.has("resource") ? "?" : wantedWord(worker),
    pod: pod === undefined ? missing(look, "pods") : podStatus(pod),
    strikes: strikes === 0 ? "-" : String(strikes),
    next: nextText(status, look),
    reason: reasonText(worker),
    when,
  };
}

function missing({ unknown }: Look, part: "pods" | "slurm"): string {
  return unknown.has(part) ? "?" : "-";
}

function nextText({ worker, step }: WorkerStatus, look: Look): string {
  if (!canTellNext(look)) return "?";
  if (step === undefined) return waitText(worker) || "-";
  const [{ code, rule }] = step.actions as [NextStep["actions"][number]];
  const what = stepText(step.actions);
  // For all but failures the rule's name says the same.
  const why = Object.hasOwn(failures, code) ? `: ${code} (${rule})` : ` (${rule})`;
  return step.heldBack ? `held back: ${what}${why}` : `${what} ${step.at > look.now ? "in …" : "now"}${why}`;
}

function urgencyOf({ worker: { node, pod }, step }: WorkerStatus): Urgency {
  if (step?.heldBack === true || pod?.failure !== undefined) return "failing";
  if (node !== undefined && isLeftAlone(node)) return "held";
  return node !== undefined && isDown(node) ? "failing" : "usual";
}
