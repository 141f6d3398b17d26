/**
 * Whether nodes that are to be suspended are still to be suspended. A suspend that could not be recorded for a while may be overtaken:
 * after SuspendTimeout, or after State=RESUME by hand, slurmctld gives the node to the next job, and a late suspend would end it.
 */
import { isParked } from "../slurm/node-flags.ts";
import { readNodeStates } from "../slurm/node-state.ts";
import type { FailedNode } from "./failed-nodes.ts";
import type { Run } from "./invocation.ts";

/**
 * From when on a suspend is late, in milliseconds from its start: ten seconds after slurmctld called, three of which the hook script may
 * have waited for the copilot. Until then slurmctld does not use the node again by itself.
 */
const LATE = 7000;

/**
 * Splits the nodes of a late suspend into those that Slurm still has as parked and the others; a node whose state cannot be read is one
 * of the others, because "unknown" is not "off". Before it is late, all count as parked and nothing is asked.
 */
export async function nodesStillParked(
  names: readonly string[],
  { system, started, scontrol }: Pick<Run, "system" | "started" | "scontrol">,
): Promise<{ parked: string[]; others: FailedNode[] }> {
  const parked: string[] = [];
  const others: FailedNode[] = [];
  if (system.now() - started < LATE) return { parked: [...names], others };
  const { states } = await readNodeStates(await scontrol(), names);
  for (const name of names) {
    const state = states.get(name);
    if (state !== undefined && isParked({ state })) parked.push(name);
    else {
      const what =
        state === undefined ? "its state in Slurm cannot be read" : `it is ${[...state].join("+")} in Slurm by now`;
      others.push({ name, code: "NotParked", message: `the suspend is late and ${what}, so its Pod is left alone` });
    }
  }
  return { parked, others };
}
