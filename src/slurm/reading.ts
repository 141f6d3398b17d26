/**
 * Everything that Slurm says at one moment, or a typed error. An answer that may be incomplete is an error: what is not there
 * would look like a node that is gone.
 */
import { expandHostlist, foldHostlist } from "hostlist-parse";
import {
  hidesNodes,
  type PartitionConfig,
  parseConfig,
  parsePartitions,
  powerSaving,
  type SlurmConfig,
  timeLimits,
} from "./config.ts";
import { type Controller, parsePing } from "./controllers.ts";
import { type NodeRecord, parseNodes } from "./node-record.ts";
import type { Scontrol } from "./scontrol.ts";

/** A complete reading. */
export interface SlurmReading {
  readonly controllers: readonly Controller[];
  readonly config: SlurmConfig;
  /** "unknown" as {@link powerSaving} has it; "off" is an error. */
  readonly powerSaving: "configured" | "unknown";
  /** Seconds; see {@link timeLimits}. */
  readonly limits: { readonly longestResumeTimeout?: number; readonly shortestSuspendTimeout?: number };
  /** All nodes by name, FUTURE ones and those of hidden partitions included. */
  readonly nodes: ReadonlyMap<string, NodeRecord>;
}

/**
 * Why there is no complete reading:
 *
 * - `ControllerDown`: no slurmctld answers.
 * - `PowerSavingOff`: slurmctld would neither wake nor park a node.
 * - `HiddenNodes`: Slurm before 23.02 without PrivateData=cloud shows powered-down cloud nodes to nobody.
 * - `PartialList`: nodes are missing that a partition has, or that the caller expected; `missing` names them.
 * - `Unreadable`: anything else: no scontrol, a hang, words that are not understood.
 */
export type SlurmReadErrorCode = "ControllerDown" | "HiddenNodes" | "PartialList" | "PowerSavingOff" | "Unreadable";

/** No complete reading; the message is for the log and says what to do where that is known. */
export class SlurmReadError extends Error {
  override readonly name = "SlurmReadError";
  readonly code: SlurmReadErrorCode;
  /** Nodes that are not in the list although they should be, for `PartialList`; else empty. */
  readonly missing: readonly string[];

  constructor(code: SlurmReadErrorCode, message: string, missing: readonly string[] = []) {
    super(message);
    this.code = code;
    this.missing = missing;
  }
}

/**
 * Reads Slurm: scontrol ping, show config, show partition and show node, one after the other. All of them share the budget of `scontrol`.
 *
 * What must be there is what the partitions list, which Slurm 22.05 does for hidden nodes too, and what the caller expects: the names of
 * the last complete reading, so that a list that shrank is noticed even where both answers did. It is the caller's to stop expecting
 * nodes that stay away, as when an admin took them out of slurm.conf.
 *
 * @param expected names that must be in the answer; empty at first
 * @throws SlurmReadError
 */
export async function readSlurm(scontrol: Scontrol, expected: ReadonlySet<string>): Promise<SlurmReading> {
  const controllers = await readControllers(scontrol);
  const configText = await show(scontrol, "config");
  const config = parseConfig(configText);
  const { slurmVersion } = config;
  // The configuration ends with the state of the controllers.
  if (slurmVersion === undefined || parsePing(configText).length === 0) {
    throw new SlurmReadError("Unreadable", "scontrol show config: it broke off");
  }
  const partitions = parsePartitions(await show(scontrol, "partition"));
  const power = powerSaving(config, partitions);
  if (power === "off") {
    const message = "power saving is off: slurm.conf needs SuspendProgram, ResumeProgram and a SuspendTime";
    throw new SlurmReadError("PowerSavingOff", message);
  }
  if (hidesNodes(config)) {
    const message = `Slurm ${slurmVersion} hides powered-down cloud nodes: slurm.conf needs PrivateData=cloud`;
    throw new SlurmReadError("HiddenNodes", message);
  }
  const { nodes, problems } = parseNodes(await show(scontrol, "node"));
  if (problems.length > 0) throw new SlurmReadError("Unreadable", `scontrol show node: ${summary(problems)}`);
  const missing = [...namesOf(partitions).union(expected)].filter((name) => !nodes.has(name));
  if (missing.length > 0) {
    const message = `scontrol shows ${nodes.size} nodes, but not ${foldHostlist(missing, { sort: true })}`;
    throw new SlurmReadError("PartialList", message, missing);
  }
  if (nodes.size === 0) throw new SlurmReadError("PartialList", "scontrol shows no nodes");
  return { controllers, config, powerSaving: power, limits: timeLimits(config, partitions), nodes };
}

/** Whether anybody answers is asked first: it takes milliseconds, where the other calls try for MessageTimeout. */
async function readControllers(scontrol: Scontrol): Promise<Controller[]> {
  const result = await scontrol(["ping"]);
  const controllers = parsePing(result.stdout);
  if (controllers.some(({ up }) => up)) return controllers;
  if (controllers.length > 0) {
    throw new SlurmReadError("ControllerDown", `no answer from ${controllers.map(({ name }) => name).join(", ")}`);
  }
  throw new SlurmReadError("Unreadable", `scontrol ping: ${result.ok ? "nothing that is understood" : result.message}`);
}

/** Hidden partitions, and FUTURE nodes, which partitions list, are shown only when asked for. */
async function show(scontrol: Scontrol, what: "config" | "node" | "partition"): Promise<string> {
  const result = await scontrol(["--all", "--future", "--oneliner", "show", what]);
  if (!result.ok) {
    const code = /Unable to contact slurm controller/.test(result.message) ? "ControllerDown" : "Unreadable";
    throw new SlurmReadError(code, `scontrol show ${what}: ${result.message}`);
  }
  // Each record ends with a line feed: without it this is the beginning of an answer.
  if (!result.stdout.endsWith("\n")) throw new SlurmReadError("Unreadable", `scontrol show ${what}: it broke off`);
  return result.stdout;
}

function namesOf(partitions: readonly PartitionConfig[]): Set<string> {
  try {
    return new Set(partitions.flatMap(({ nodes }) => expandHostlist(nodes)));
  } catch (error) {
    throw new SlurmReadError("Unreadable", `scontrol show partition: ${(error as Error).message}`);
  }
}

function summary(problems: readonly string[]): string {
  const shown = problems.slice(0, 3).join("; ");
  return problems.length > 3 ? `${shown} and ${problems.length - 3} more` : shown;
}
