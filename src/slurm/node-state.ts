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

/** Nodes in one scontrol call: an unknown name makes slurmctld leave part of a list undone, and it must not be a large part. */
const BATCH = 100;

/** What {@link readNodeStates} found. */
interface NodeStates {
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
 * The states of nodes as `scontrol -o show node` has them now. Nodes that Slurm does not know, or hides (22.05 hides powered-down cloud
 * nodes without PrivateData=cloud), are absent, and so are records that cannot be read.
 */
export async function readNodeStates(scontrol: Scontrol, names: readonly string[]): Promise<NodeStates> {
  const states = new Map<string, ReadonlySet<string>>();
  const reasons = new Map<string, string>();
  let answered = true;
  let message: string | undefined;
  for (const batch of batches(names.filter(isPlainNodeName))) {
    const result = await scontrol(["--all", "--future", "-o", "show", "node", foldHostlist(batch, { sort: true })]);
    for (const [name, { state, reason }] of parseNodes(result.stdout).nodes) {
      states.set(name, state);
      if (reason !== undefined) reasons.set(name, reason);
    }
    if (result.ok) continue;
    message = result.message;
    answered = result.answered;
    if (!answered) break;
  }
  return { states, reasons, answered, ...(message !== undefined && { message }) };
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
