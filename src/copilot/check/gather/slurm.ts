/** Slurm as far as it can be read: each answer on its own, and whether all of it would do for the copilot. */
import { hidesNodes, parsePartitions, type SlurmConfig } from "../../../slurm/config.ts";
import { parseConfigDetail } from "../../../slurm/config-detail.ts";
import { parsePing } from "../../../slurm/controllers.ts";
import { parseNodeHardware } from "../../../slurm/node-hardware.ts";
import { parseNodes } from "../../../slurm/node-record.ts";
import { readSlurm, SlurmReadError } from "../../../slurm/reading.ts";
import type { Scontrol } from "../../../slurm/scontrol.ts";
import type { Facts, Known } from "../facts.ts";

/** What {@link gatherSlurm} finds out. */
export type SlurmFacts = Pick<
  Facts,
  "config" | "controllers" | "hardware" | "nodes" | "partitions" | "slurmClockAhead" | "slurmProblem"
>;

/** Reads Slurm. `now` in epoch milliseconds. */
export async function gatherSlurm(scontrol: Scontrol, now: () => number): Promise<SlurmFacts> {
  let configAskedAt = now();
  const ask = remembering((args) => {
    if (args.at(-1) === "config") configAskedAt = now();
    return scontrol(args);
  });
  const problem = await problemOf(ask);
  const slurmProblem = problem && { code: problem.code, message: problem.message };
  const ping = await ask(["ping"]);
  const base = { controllers: parsePing(ping.stdout), ...(slurmProblem !== undefined && { slurmProblem }) };
  if (problem?.code === "ControllerDown" || (problem !== undefined && base.controllers.length === 0)) {
    const none = { unknown: "slurmctld cannot be asked" };
    return { ...base, config: none, hardware: none, nodes: none, partitions: none, slurmClockAhead: none };
  }
  // What the copilot cannot work with may still be looked at.
  const config = await show(ask, "config", parseConfigDetail);
  const nodes = await show(ask, "node", (text) => parseNodes(text).nodes);
  const answeredAt = "value" in config ? config.value.answeredAt : undefined;
  return {
    ...base,
    config,
    nodes: doubtOfNodes(problem, config) ?? nodes,
    hardware: await show(ask, "node", parseNodeHardware),
    partitions: await show(ask, "partition", parsePartitions),
    slurmClockAhead:
      answeredAt === undefined
        ? { unknown: "slurmctld does not say what time it is" }
        : { value: answeredAt * 1000 - configAskedAt },
  };
}

/** A list that is not whole would look like nodes that are gone. */
function doubtOfNodes(problem: SlurmReadError | undefined, config: Known<SlurmConfig>): Known<never> | undefined {
  if ("value" in config && hidesNodes(config.value)) return { unknown: "Slurm hides powered-down nodes" };
  if (problem === undefined || problem.code === "PowerSavingOff") return undefined;
  return { unknown: "Slurm cannot be read completely" };
}

async function problemOf(scontrol: Scontrol): Promise<SlurmReadError | undefined> {
  try {
    await readSlurm(scontrol, new Set());
    return undefined;
  } catch (error) {
    if (error instanceof SlurmReadError) return error;
    throw error;
  }
}

async function show<T>(scontrol: Scontrol, what: string, parse: (text: string) => T): Promise<Known<T>> {
  const result = await scontrol(["--all", "--future", "--oneliner", "show", what]);
  return result.ok ? { value: parse(result.stdout) } : { unknown: `scontrol show ${what}: ${result.message}` };
}

/** Asks each question once. */
function remembering(scontrol: Scontrol): Scontrol {
  const answers = new Map<string, ReturnType<Scontrol>>();
  return (args) => {
    const key = args.join(" ");
    const answer = answers.get(key) ?? scontrol(args);
    answers.set(key, answer);
    return answer;
  };
}
