/** All that there is to tell of one node. Pure. */

import type { Look } from "../inspect/look.ts";
import type { NodeSources } from "../inspect/node-sources.ts";
import type { WorkerStatus } from "../status/rows.ts";
import type { ToldEvent } from "./events.ts";
import { historyOf, namesNode } from "./log-history.ts";
import { type PodDetails, podDetails } from "./pod-details.ts";

/** One thing that happened. `time` is in epoch milliseconds. */
interface Happening {
  readonly time: number;
  /** Where it is told: the programs' logs, an Event of the Pod, or one of the SlurmCluster. */
  readonly source: "Event" | "log" | "Pod";
  readonly text: string;
}

/** One node, explained. */
export interface Explanation {
  readonly status: WorkerStatus;
  /** Absent without a Pod. */
  readonly pod?: PodDetails;
  /** What happened last, oldest first. */
  readonly history: readonly Happening[];
}

/** How much of the past is told: the last failure with its requests, not the node's life. */
const MOST = 15;

/** Puts together what the look and the sources say of a node. */
export function explain(status: WorkerStatus, { cluster }: Look, sources: NodeSources): Explanation {
  const { name } = status.worker;
  const prefix = `${cluster.name}-worker-`;
  const raw = sources.pods.get(name);
  const named = namesNode(name, prefix);
  const log = historyOf(name, prefix, sources.log, MOST).map(({ time, level, message }): Happening => {
    return { time, source: "log", text: level === "info" ? message : `${level}: ${message}` };
  });
  // The copilot writes each decision into its log too; Events tell it where the log is not at hand.
  const decisions = sources.clusterEvents.filter(({ message }) => named(message) && !isLogged(message, log));
  const told = [
    ...log,
    ...decisions.map((event) => happening("Event", event)),
    ...(sources.podEvents.get(name) ?? []).map((event) => happening("Pod", event)),
  ];
  const history = told.sort((a, b) => a.time - b.time).slice(-MOST);
  return { status, history, ...(raw !== undefined && { pod: podDetails(raw) }) };
}

function happening(source: "Event" | "Pod", { time, reason, message, count }: ToldEvent): Happening {
  return { time, source, text: `${reason}: ${message}${count > 1 ? ` (${count} times)` : ""}` };
}

/** Whether the log has an Event's words: `set-down NODE: CODE: message (rule)` there, `set-down NODES: message (rule)` here. */
function isLogged(message: string, log: readonly Happening[]): boolean {
  const [, kind, words] = /^(\S+) \S+: (.*)$/s.exec(message) ?? [];
  return kind !== undefined && log.some(({ text }) => text.startsWith(`${kind} `) && text.endsWith(words ?? ""));
}
