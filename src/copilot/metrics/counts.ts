/** What there is, counted: nodes and Pods by group and what they are in. The label values are few, whatever the cluster's size. Pure. */
import { isPoweredDown, ownReason } from "../../slurm/node-flags.ts";
import type { NodeRecord } from "../../slurm/node-record.ts";
import type { Memory } from "../decide.ts";
import type { CopilotSettings } from "../settings.ts";
import type { Snapshot, Worker } from "../snapshot.ts";
import { reasonLabel } from "./failure-reasons.ts";

/** How many there are with these labels. */
export interface Count<Label extends string> {
  readonly labels: Readonly<Record<Label, string>>;
  readonly value: number;
}

/** All counts of one look. Groups are those of the workers; "" stands for workers of no group. */
export interface Counts {
  readonly groups: readonly string[];
  readonly nodes: readonly Count<"group" | "state">[];
  readonly downNodes: readonly Count<"group" | "reason">[];
  readonly listedNodes: readonly Count<"group" | "list">[];
  readonly struckNodes: readonly Count<"group">[];
  readonly givenUpNodes: readonly Count<"group">[];
  readonly pods: readonly Count<"group" | "phase">[];
  readonly readyPods: readonly Count<"group">[];
  readonly failingPods: readonly Count<"group" | "reason">[];
  readonly leakedPods: readonly Count<"group">[];
}

/** Flags that say more about a node than its base state, the weightiest first, and what is counted. */
const weightyFlags: readonly (readonly [flag: string, state: string])[] = [
  ["FUTURE", "future"],
  ["DOWN", "down"],
  ["POWERING_UP", "powering_up"],
  ["POWERING_DOWN", "powering_down"],
  ["POWERED_DOWN", "powered_down"],
  ["DRAIN", "drain"],
  ["IDLE", "idle"],
  ["MIXED", "mixed"],
  ["ALLOCATED", "allocated"],
];
const nodeStates = [...weightyFlags.map(([, state]) => state), "other"];
const podPhases = ["Pending", "Running", "Succeeded", "Failed", "Unknown", "Terminating"];
const lists = ["podsToBeCreated", "podsToBeDeleted"];

/** Counts a look. Where all values of a label are known, those that nothing has are zero; of reasons only those are there that occur. */
export function countAll({ workers }: Snapshot, { strikes }: Memory, { strikeLimit }: CopilotSettings): Counts {
  const nodes = emptyTally();
  const downNodes = emptyTally();
  const listedNodes = emptyTally();
  const struckNodes = emptyTally();
  const givenUpNodes = emptyTally();
  const pods = emptyTally();
  const readyPods = emptyTally();
  const failingPods = emptyTally();
  const leakedPods = emptyTally();
  const groups = new Set<string>();
  // One pass that makes no objects: there may be ten thousand workers, in each round.
  for (const { name, group = "", node, pod, wanted, unwanted } of workers.values()) {
    groups.add(group);
    if (node !== undefined) {
      add(nodes, group, stateOf(node));
      if (node.state.has("DOWN")) add(downNodes, group, reasonLabel(ownReason(node)?.code ?? ""));
    }
    if (wanted) add(listedNodes, group, "podsToBeCreated");
    if (unwanted) add(listedNodes, group, "podsToBeDeleted");
    const count = strikes.get(name)?.count ?? 0;
    if (count > 0) add(struckNodes, group);
    if (count >= strikeLimit) add(givenUpNodes, group);
    if (pod === undefined) continue;
    add(pods, group, phaseOf(pod));
    if (pod.ready) add(readyPods, group);
    if (pod.failure !== undefined) add(failingPods, group, reasonLabel(pod.failure.code));
    if (node === undefined || isPoweredDown(node)) add(leakedPods, group);
  }
  const sorted = [...groups].sort();
  const perGroup = (tally: Tally): Count<"group">[] =>
    sorted.map((group) => ({ labels: { group }, value: tally.get(group)?.get("") ?? 0 }));
  return {
    groups: sorted,
    nodes: toCounts(nodes, sorted, "state", nodeStates),
    downNodes: toCounts(downNodes, sorted, "reason"),
    listedNodes: toCounts(listedNodes, sorted, "list", lists),
    struckNodes: perGroup(struckNodes),
    givenUpNodes: perGroup(givenUpNodes),
    pods: toCounts(pods, sorted, "phase", podPhases),
    readyPods: perGroup(readyPods),
    failingPods: toCounts(failingPods, sorted, "reason"),
    leakedPods: perGroup(leakedPods),
  };
}

function stateOf({ state }: NodeRecord): string {
  return weightyFlags.find(([flag]) => state.has(flag))?.[1] ?? "other";
}

/** As kubectl shows it. */
function phaseOf({ phase, deleted }: NonNullable<Worker["pod"]>): string {
  return deleted === undefined ? phase : "Terminating";
}

/** How many, by group and by a second label; "" where there is none. */
type Tally = Map<string, Map<string, number>>;

function emptyTally(): Tally {
  return new Map();
}

function add(tally: Tally, group: string, value = ""): void {
  const ofGroup = tally.get(group) ?? new Map<string, number>();
  tally.set(group, ofGroup.set(value, (ofGroup.get(value) ?? 0) + 1));
}

/** Counts with a second label; those of `values` that do not occur are zero. */
function toCounts<Label extends string>(
  tally: Tally,
  groups: readonly string[],
  label: Label,
  values: readonly string[] = [],
): Count<"group" | Label>[] {
  return groups.flatMap((group) => {
    const ofGroup = tally.get(group) ?? new Map<string, number>();
    return [...new Set([...values, ...ofGroup.keys()])].map((value) => ({
      labels: { group, [label]: value } as Record<"group" | Label, string>,
      value: ofGroup.get(value) ?? 0,
    }));
  });
}
