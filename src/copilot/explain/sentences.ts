/** One node in sentences. Pure. */

import { compactState } from "../../slurm/compact-state.ts";
import { hasJobs, ownReason } from "../../slurm/node-flags.ts";
import { duration } from "../../text/duration.ts";
import { oneLine } from "../../text/one-line.ts";
import { foldText } from "../../text/table.ts";
import type { Action } from "../action.ts";
import { podStatus, stepText, waitText } from "../inspect/describe.ts";
import type { Look } from "../inspect/look.ts";
import { canTellNext, type WorkerStatus } from "../status/rows.ts";
import { type Advice, adviceFor } from "./advice.ts";
import type { Explanation } from "./explanation.ts";

/** A part of the explanation: a heading and its lines. */
interface Part {
  readonly title: string;
  readonly lines: readonly (string | Command)[];
}

/** A line that is not folded, to be copied and pasted. */
interface Command {
  readonly command: string;
}

/** Places that headings take at the left. */
const MARGIN = 11;

/** The explanation of one node as lines. `width` is the most that a line may have; without it none is folded, for grep. */
export function renderExplanation(
  explanation: Explanation,
  look: Look,
  { bold, width = Number.POSITIVE_INFINITY }: { readonly bold: (text: string) => string; readonly width?: number },
): string[] {
  const { status } = explanation;
  const parts: Part[] = [
    { title: "Slurm", lines: slurmLines(status, look) },
    { title: "Lists", lines: [listSentence(status, look)] },
    { title: "Pod", lines: podLines(explanation, look) },
    { title: "History", lines: historyLines(explanation) },
    { title: "Next", lines: nextLines(status, look) },
    { title: "You can", lines: adviceFor(status, look).flatMap(adviceLines) },
  ];
  const folded = parts.flatMap(({ title, lines }) =>
    lines
      .flatMap((line) =>
        typeof line === "string" ? foldText(oneLine(line), Math.max(40, width - MARGIN)) : `  ${oneLine(line.command)}`,
      )
      .map((line, index) => `  ${index === 0 ? title : ""}`.padEnd(MARGIN) + line),
  );
  return [bold(status.worker.name), ...folded];
}

function slurmLines({ worker: { node }, strikes }: WorkerStatus, { unknown, now, settings }: Look): string[] {
  if (node === undefined) {
    return [unknown.has("slurm") ? "Slurm could not be read." : "Slurm has no such node: it is not in slurm.conf."];
  }
  const flags = [...node.state].join("+");
  const jobs = hasJobs(node) ? " Jobs are allocated to it." : "";
  const lines = [
    `It is ${compactState(node.state)} (${flags}) in ${node.partitions.join(", ") || "no partition"}.${jobs}`,
  ];
  if (node.reason !== undefined) {
    const by = node.reasonUser === undefined ? "" : `, by ${node.reasonUser}`;
    const since = node.reasonTime === undefined ? "" : ` for ${duration(now - node.reasonTime * 1000)}${by}`;
    lines.push(`Reason${since}: ${node.reason}`);
  }
  if (strikes > 0) {
    const limit = settings.strikeLimit;
    lines.push(`It has failed ${times(strikes)} in a row; from ${limit} on only an admin returns it.`);
  }
  const until = ownReason(node)?.until;
  if (until !== undefined && until > now) {
    lines.push(`It stays DOWN until ${clock(until)}, for ${duration(until - now)} more.`);
  }
  return lines;
}

function listSentence({ worker: { wanted, unwanted, available, group } }: WorkerStatus, { unknown }: Look): string {
  if (unknown.has("resource")) return "The SlurmCluster could not be read.";
  if (group === undefined) return "The SlurmCluster has no such worker group.";
  const lists = [...(wanted ? ["podsToBeCreated"] : []), ...(unwanted ? ["podsToBeDeleted"] : [])];
  const status = available ? "the operator's status lists it as available" : "the operator's status does not list it";
  return `${lists.length === 0 ? "Neither list names it" : `${lists.join(" and ")} name${lists.length === 1 ? "s" : ""} it`}; ${status}.`;
}

function podLines({ status, pod: details }: Explanation, { unknown, now }: Look): string[] {
  const { pod } = status.worker;
  const { nodeName, containers = [], conditions = [] } = details ?? {};
  if (pod === undefined) return [unknown.has("pods") ? "Pods could not be listed." : "There is none."];
  const where = nodeName === undefined ? "on no Kubernetes node yet" : `on Kubernetes node ${nodeName}`;
  const lines = [`${podStatus(pod)}, made ${duration(now - pod.created)} ago, ${where}.`];
  if (pod.deleted !== undefined) {
    const grace = pod.graceEnds === undefined ? "" : `, it was to be gone by ${clock(pod.graceEnds)}`;
    lines.push(`Its deletion was asked for ${duration(now - pod.deleted)} ago${grace}.`);
  }
  if (pod.failure !== undefined) {
    lines.push(`It has failed for ${duration(now - pod.failure.since)}: ${pod.failure.message}`);
  }
  return [...lines, ...containers, ...conditions];
}

function historyLines({ history }: Explanation): string[] {
  if (history.length === 0) return ["Neither the logs nor Events tell of it."];
  return history.map(({ time, source, text }) => `${clock(time)} ${source}: ${text}`);
}

function nextLines({ worker, step }: WorkerStatus, look: Look): string[] {
  const { copilot, now } = look;
  if (!canTellNext(look)) {
    const why = copilot.state === "does nothing" ? copilot.message : "not everything could be read";
    return [`Nobody can tell: ${why}.`];
  }
  const condition = copilot.state === "runs" || copilot.state === "stands by" ? "" : "If the copilot ran: ";
  if (step === undefined) {
    const wait = waitText(worker);
    return [`${condition}${wait === "" ? "Nothing is to be done." : `${capital(wait)}. The copilot does nothing.`}`];
  }
  const [{ kind, code, message, rule }] = step.actions as [Action];
  const what = capital(stepText(step.actions));
  const when = step.at > now ? `in ${duration(step.at - now)}` : "now";
  const first = step.heldBack ? `${what}, but held back: too many Pods would be ended at once.` : `${what} ${when}.`;
  return [`${condition}${first}`, `The log will say: ${kind} ${worker.name}: ${code}: ${message} (${rule})`];
}

function adviceLines({ what, command }: Advice): (string | Command)[] {
  return command === undefined ? [`${what}.`] : [`${what}:`, { command }];
}

/** UTC to the second, as in the logs and in our Reasons. */
function clock(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
