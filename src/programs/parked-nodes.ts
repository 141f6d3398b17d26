/**
 * Whether nodes that are to be suspended may be suspended.
 *
 * A suspend that could not be recorded for a while may be overtaken: after SuspendTimeout, or after State=RESUME by hand, slurmctld gives the
 * node to the next job, and a late suspend would end it. And a person may have typed the name of a node that is up, whose jobs it would end:
 * slurmctld suspends none that it has not powered down first.
 */
import { isParked } from "../slurm/node-flags.ts";
import { foldNames } from "../slurm/node-name.ts";
import { readNodeStates } from "../slurm/node-state.ts";
import type { FailedNode } from "./failed-nodes.ts";
import type { Run } from "./invocation.ts";

/**
 * From when on a suspend is late, in milliseconds from its start: ten seconds after slurmctld called, three of which the hook script may
 * have waited for the copilot. Until then slurmctld does not use the node again by itself.
 */
const LATE = 7000;

/**
 * Splits the nodes of a suspend that is late, or run by hand, into those that Slurm has as parked and the others; a node whose state cannot
 * be read is one of the others, because "unknown" is not "off". In all other runs, and in a dry run by hand, which ends no Pod, all count as
 * parked and nothing is asked.
 */
export async function nodesStillParked(
  names: readonly string[],
  { invocation, system, started, scontrol }: Pick<Run, "invocation" | "system" | "started" | "scontrol">,
): Promise<{ parked: string[]; others: FailedNode[] }> {
  const byHand = system.interactive && invocation.flags.dryRun !== true;
  if (!byHand && system.now() - started < LATE) return { parked: [...names], others: [] };
  const { states, message = "Slurm does not show it" } = await readNodeStates(await scontrol(), names);
  const isStillParked = (name: string): boolean => isParked({ state: states.get(name) ?? new Set() });
  const rest = names.filter((name) => !isStillParked(name));
  const stateOf = (name: string): string => [...(states.get(name) ?? [])].join("+");
  const others = [...Map.groupBy(rest, stateOf)].flatMap(([state, alike]) => {
    const text = byHand ? refusalByHand(state, alike, message) : refusalOfLate(state, message);
    return alike.map((name) => ({ name, code: "NotParked", message: text }));
  });
  return { parked: names.filter(isStillParked), others };
}

/** `state` is "" for one that cannot be read, and `message` says why. */
function refusalOfLate(state: string, message: string): string {
  const what = state === "" ? `its state in Slurm cannot be read (${message})` : `it is ${state} in Slurm by now`;
  return `the suspend is late and ${what}, so its Pod is left alone`;
}

/** The same for the person who typed these names, with what to do instead. */
function refusalByHand(state: string, names: readonly string[], message: string): string {
  if (state === "") {
    const why = `its state in Slurm cannot be read (${message})`;
    return `run by hand, and ${why}, so its Pod is left alone; run this where scontrol tells of it`;
  }
  const instead = `scontrol update NodeName=${foldNames(names)} State=POWER_DOWN`;
  return `run by hand, and it is ${state} in Slurm, so its Pod is left alone; to park it once its jobs have ended: ${instead}`;
}
