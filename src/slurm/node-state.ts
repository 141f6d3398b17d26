/** Reading node states from scontrol, and changing them in batches that one bad name cannot spoil. */
import { foldHostlist } from "hostlist-parse";
import { isPlainNodeName } from "./node-name.ts";
import { parseNodes } from "./node-record.ts";
import type { Scontrol } from "./scontrol.ts";

/** A state that the agent asks slurmctld for; POWER_DOWN_FORCE requeues the node's jobs at once (src/slurmctld/node_mgr.c). */
export type RequestedState = "DOWN" | "POWER_DOWN" | "POWER_DOWN_FORCE" | "RESUME";

/** What came of a request: names that took it, and names that did not with scontrol's words. */
export interface UpdateOutcome {
  readonly updated: readonly string[];
  readonly failed: readonly { readonly name: string; readonly message: string }[];
}

/** Nodes in one scontrol update: an unknown name makes slurmctld leave part of a list undone, and it must not be a large part. */
const BATCH = 100;

/**
 * Most names in one question. scontrol fetches every node whatever it is asked for, and then prints those: so more names are asked for by
 * none at all, and never in several questions, each of which would cost slurmctld the whole list again.
 */
const NAMES_IN_QUESTION = 100;

/** What {@link readNodeStates} found. */
export interface NodeStates {
  /** State flags (`IDLE`, `CLOUD`, `POWERING_UP` …) by name. */
  readonly states: ReadonlyMap<string, ReadonlySet<string>>;
  /** Reasons by name, of the nodes that have one. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Whether slurmctld answered; if not, absent nodes are unknown and not missing. */
  readonly answered: boolean;
  /** Why the answer may be incomplete. */
  readonly message?: string;
}

/**
 * The states of nodes as `scontrol -o show node` has them now, in one call. Nodes that Slurm does not know, or hides (22.05 hides
 * powered-down cloud nodes without PrivateData=cloud), are absent, and so are records that cannot be read. Without an answer all are: what
 * was printed before scontrol was killed may break off in the middle of a state.
 */
export async function readNodeStates(scontrol: Scontrol, names: readonly string[]): Promise<NodeStates> {
  const states = new Map<string, ReadonlySet<string>>();
  const reasons = new Map<string, string>();
  const wanted = new Set(names.filter(isPlainNodeName));
  if (wanted.size === 0) return { states, reasons, answered: true };
  const named = wanted.size > NAMES_IN_QUESTION ? [] : [foldHostlist([...wanted], { sort: true })];
  const result = await scontrol(["--all", "--future", "-o", "show", "node", ...named]);
  if (!result.ok && !result.answered) return { states, reasons, answered: false, message: result.message };
  for (const [name, { state, reason }] of parseNodes(result.stdout).nodes) {
    if (!wanted.has(name)) continue;
    states.set(name, state);
    if (reason !== undefined) reasons.set(name, reason);
  }
  return { states, reasons, answered: true, ...(!result.ok && { message: result.message }) };
}

/**
 * Asks slurmctld to change nodes: in batches, and where slurmctld refuses a batch node by node, because it has then done some of it and
 * not the rest. Where there is no answer at all, nothing more is tried and the rest has failed.
 */
export async function updateNodes(
  scontrol: Scontrol,
  names: readonly string[],
  state: RequestedState,
  reason?: string,
): Promise<UpdateOutcome> {
  const updated: string[] = [];
  const failed: { name: string; message: string }[] = names
    .filter((name) => !isPlainNodeName(name))
    .map((name) => ({ name, message: "not a node name that may be given to scontrol" }));
  const waiting = batches(names.filter(isPlainNodeName));
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    const result = await scontrol(updateArguments(batch, state, reason));
    if (result.ok) {
      updated.push(...batch);
    } else if (!result.answered) {
      failed.push(...[batch, ...waiting.splice(0)].flat().map((name) => ({ name, message: result.message })));
    } else if (batch.length > 1) {
      waiting.unshift(...batch.map((name) => [name]));
    } else {
      failed.push(...batch.map((name) => ({ name, message: result.message })));
    }
  }
  return { updated, failed };
}

/** The arguments of `scontrol update` for these nodes, as {@link updateNodes} passes them. DOWN needs a reason (src/scontrol/update_node.c). */
export function updateArguments(names: readonly string[], state: RequestedState, reason?: string): string[] {
  const update = ["update", `NodeName=${foldHostlist(names, { sort: true })}`, `State=${state}`];
  return reason === undefined ? update : [...update, `Reason=${plainText(reason)}`];
}

/** Slurm keeps a Reason on one line and shows it in tables; quotes would end it early. */
function plainText(reason: string): string {
  return [...reason]
    .map((character) => (character < " " || character === '"' ? " " : character))
    .join("")
    .replace(/ {2,}/g, " ")
    .slice(0, 250)
    .trim();
}

function batches(names: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(names.length / BATCH) }, (_, index) =>
    names.slice(index * BATCH, (index + 1) * BATCH),
  );
}
