/** The status as text. Pure. */
import { compactState } from "../../slurm/compact-state.ts";
import { duration } from "../../text/duration.ts";
import { oneLine } from "../../text/one-line.ts";
import { renderTable, type TableColumn } from "../../text/table.ts";
import type { Look } from "../inspect/look.ts";
import type { Worker } from "../snapshot.ts";
import { type StatusRow, shownStatuses, statusRows, type WorkerStatus, workerStatuses } from "./rows.ts";

/** How text is to look. */
export interface TextStyle {
  /** Characters in a line; without it nothing is folded. */
  readonly width?: number;
  readonly colour: (colour: "green" | "red" | "yellow", text: string) => string;
}

const columns: readonly TableColumn[] = [
  { title: "NODES", whenWide: "fold" },
  { title: "STATE" },
  { title: "WANTED" },
  { title: "POD" },
  { title: "AGE" },
  { title: "STRIKES" },
  { title: "NEXT", whenWide: "fold" },
  { title: "REASON", whenWide: "put below" },
];

/** What to think of the next steps where no copilot was asked. */
const caveats = {
  "does nothing": "It does nothing until that is over",
  "does not run": "NEXT is what it would do if it ran",
  "does not answer": "NEXT is what it will do, perhaps sooner",
  "stands by": "NEXT is what the other copilot will do, perhaps sooner",
} as const;

const colours = { failing: "red", held: "yellow", usual: undefined } as const;

/** The whole status as lines. */
export function renderStatus(look: Look, all: boolean, style: TextStyle): string[] {
  const statuses = workerStatuses(look);
  const rows = statusRows(look, shownStatuses(statuses, all));
  const table = rows.length === 0 ? [emptyTable(look)] : tableLines(rows, style);
  return [...conditionLines(look, style), "", ...table, ...countLines(look, statuses, all)];
}

/** Of what could not be read nobody may think that all is well. */
function emptyTable({ unknown }: Look): string {
  if (unknown.size > 0) return "Nothing to show, as not everything could be read: how the nodes are is not known.";
  return "Nothing to show: every node is plainly parked, or up with its Pod ready.";
}

function tableLines(rows: readonly StatusRow[], { colour, width }: TextStyle): string[] {
  const tableRows = rows.map(({ nodes, state, wanted, pod, age, strikes, next, reason, urgency }) => {
    const shade = colours[urgency];
    return {
      cells: [nodes, state, wanted, pod, age || "-", strikes, next, reason || "-"],
      ...(shade !== undefined && { style: (line: string) => colour(shade, line) }),
    };
  });
  return renderTable(columns, tableRows, width);
}

/** How the copilot is, and all that an admin must know before believing the table. */
export function conditionLines(look: Look, { colour }: TextStyle): string[] {
  const { cluster, copilot, at, now, seenByCopilot, heldBack, problems, settingsProblems } = look;
  const name = `${cluster.namespace}/${cluster.name}`;
  const age = duration(now - at);
  const lines: string[] = [];
  if (copilot.state === "runs") {
    lines.push(`${name}: ${colour("green", "slurmctld-copilot runs")}, last look ${age} ago`);
  } else {
    const shade = copilot.state === "stands by" ? "yellow" : "red";
    lines.push(`${name}: ${colour(shade, `slurmctld-copilot ${copilot.state}`)}: ${oneLine(copilot.message)}`);
    lines.push(
      seenByCopilot
        ? `  Shown is what it saw ${age} ago; until it can read everything again it does nothing.`
        : `  Shown is what was read just now. ${caveats[copilot.state]}; times count from now.`,
    );
  }
  for (const problem of problems) {
    if (copilot.state === "does nothing" && problem === copilot.message) continue;
    lines.push(`  ${colour("red", "unknown")}: ${oneLine(problem)}`);
  }
  if (heldBack > 0) {
    const why = "together they would end too many Pods, see blastRadius in the settings";
    lines.push(`  ${colour("red", `${heldBack} steps held back`)}: ${why}`);
  }
  for (const problem of settingsProblems) lines.push(`  ${colour("yellow", oneLine(problem))}`);
  return lines;
}

function countLines({ unknown }: Look, statuses: readonly WorkerStatus[], all: boolean): string[] {
  const states = statuses.flatMap(({ worker: { node } }) => (node === undefined ? [] : [compactState(node.state)]));
  const byState = [...Map.groupBy(states, (state) => state)]
    .map(([state, { length }]) => ({ state, length }))
    .sort((a, b) => b.length - a.length || a.state.localeCompare(b.state))
    .map(({ state, length }) => `${length} ${state}`);
  const count = (has: (worker: Worker) => boolean): number => statuses.filter(({ worker }) => has(worker)).length;
  const pods = count(({ pod }) => pod !== undefined);
  const lists = [
    { amount: count(({ wanted }) => wanted), list: "podsToBeCreated" },
    { amount: count(({ unwanted }) => unwanted), list: "podsToBeDeleted" },
  ].filter(({ amount }) => amount > 0);
  const parts = [
    ...(unknown.has("slurm") ? [] : [`${states.length} node${plural(states.length)}: ${byState.join(", ")}`]),
    ...(unknown.has("pods") ? [] : [`${pods} Pod${plural(pods)}`]),
    ...lists.map(({ amount, list }) => `${amount} in ${list}`),
  ];
  if (parts.length === 0) return [];
  return ["", `${parts.join("; ")}${all ? "" : " (--all shows every node)"}`];
}

function plural(amount: number): string {
  return amount === 1 ? "" : "s";
}
