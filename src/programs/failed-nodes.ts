/**
 * Telling Slurm at once that a node will not come, so that its jobs are requeued now and not after ResumeTimeout. slurmctld ignores
 * the exit code of its programs; slurm.conf(5) names setting the node DOWN as ResumeProgram's duty.
 */
import type { Log } from "../settings/log.ts";
import { foldNames } from "../slurm/node-name.ts";
import { type RequestedState, readNodeStates, updateArguments, updateNodes } from "../slurm/node-state.ts";
import { formatReason } from "../slurm/own-reason.ts";
import type { Scontrol } from "../slurm/scontrol.ts";

/** A node that will not come, with the typed code and the words of why. */
export interface FailedNode {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Sets failed nodes DOWN with a Reason, those of them that slurmctld is powering up at this moment. A node in any other state, or
 * one whose state cannot be read, is left alone: this program may have been run by hand with a running node's name.
 *
 * Nodes that are only withheld are powered down again instead: nothing is wrong with them, and POWER_DOWN_FORCE takes POWERING_UP
 * away and makes them schedulable after SuspendTimeout, where POWER_DOWN would wait for a boot that never comes (seen with 22.05).
 */
export async function tellSlurm(scontrol: Scontrol, failed: readonly FailedNode[], log: Log): Promise<void> {
  const { states, message } = await readNodeStates(
    scontrol,
    failed.map(({ name }) => name),
  );
  if (message !== undefined) log.warn(`scontrol show node: ${message}`);
  const stateText = ({ name }: FailedNode): string => [...(states.get(name) ?? ["unknown"])].join("+");
  const poweringUp = failed.filter(({ name }) => states.get(name)?.has("POWERING_UP") === true);
  for (const [state, others] of Map.groupBy(failed, stateText)) {
    if (states.get(others[0]?.name ?? "")?.has("POWERING_UP") === true) continue;
    const why = state === "unknown" ? "its state cannot be read" : `it is not being powered up (${state})`;
    log.warn(`${folded(others)} left as it is in Slurm: ${why}`);
  }
  for (const { state, reason, names } of requestsFor(poweringUp)) {
    const outcome = await updateNodes(scontrol, names, state, reason);
    if (outcome.updated.length > 0) log.warn(`told Slurm: ${foldNames(outcome.updated)} ${state}, ${reason}`);
    for (const [said, nodes] of Map.groupBy(outcome.failed, (node) => node.message)) {
      log.error(`could not tell Slurm that ${foldNames(nodes.map(({ name }) => name))} is ${state}: ${said}`);
    }
  }
}

/** The scontrol calls that {@link tellSlurm} would make for nodes that are being powered up, as lines for a shell. */
export function plannedCalls(failed: readonly FailedNode[]): string[] {
  const quoted = (argument: string): string =>
    /^[\w@%+=:,./[\]-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
  return requestsFor(failed).map(({ state, reason, names }) =>
    ["scontrol", ...updateArguments(names, state, reason)].map(quoted).join(" "),
  );
}

/** Failed nodes as one hostlist, for the log. */
export function folded(nodes: readonly FailedNode[]): string {
  return foldNames(namesOf(nodes));
}

/** One request for each Reason. DOWN comes first: it requeues the jobs, and only then are their other nodes free to go. */
function requestsFor(failed: readonly FailedNode[]): { state: RequestedState; reason: string; names: string[] }[] {
  const byReason = [...Map.groupBy(failed, formatReason)];
  const requests = byReason.map(([reason, nodes]) => ({
    state: nodes[0]?.code === "JobIncomplete" ? ("POWER_DOWN_FORCE" as const) : ("DOWN" as const),
    reason,
    names: namesOf(nodes),
  }));
  return requests.sort((a, b) => a.state.localeCompare(b.state));
}

function namesOf(nodes: readonly FailedNode[]): string[] {
  return nodes.map(({ name }) => name);
}
