/** What slurmctld's log says of nodes that were woken, parked or set DOWN. */
import { expandHostlist } from "hostlist-parse";

/** What slurmctld did with a node. */
export interface LoggedStep {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly node: string;
  /** The node's Pod may go once it is parked or DOWN. */
  readonly what: "woken" | "parked" | "down";
}

/**
 * How long after slurmctld has started SuspendProgram it may log that (src/slurmctld/power_save.c: it logs the process id), in
 * milliseconds: on a machine that is busy the Pod may be gone by then.
 */
export const loggedLater = 2000;

/** How slurmctld tells of it: until 25.11, and from 26.05 on (src/slurmctld/power_save.c). */
const powerLines = [
  /power_save: .*?(?<what>waking|suspending) nodes (?<nodes>\S+)$/,
  /power action __(?<what>resume|suspend)prog__ on nodes (?<nodes>\S+)$/,
];

/**
 * The steps of a log with `DebugFlags=Power`, in its order; DOWN is said in src/slurmctld/node_mgr.c.
 *
 * @param zone what makes the log's local times such with a zone: "Z" for a log written in UTC, "" for one by this machine's clock
 */
export function loggedSteps(log: string, zone: "" | "Z"): LoggedStep[] {
  return log.split("\n").flatMap((line): LoggedStep[] => {
    const time = /^\[(?<time>\S+)\] /.exec(line)?.groups?.time;
    if (time === undefined) return [];
    const at = Date.parse(`${time}${zone}`);
    for (const pattern of powerLines) {
      const { what, nodes } = pattern.exec(line)?.groups ?? {};
      if (what === undefined || nodes === undefined) continue;
      return expandHostlist(nodes).map((node) => ({ at, node, what: what.startsWith("suspend") ? "parked" : "woken" }));
    }
    const down = /update_node: node (?<node>\S+) state set to DOWN/.exec(line)?.groups;
    return down === undefined ? [] : [{ at, node: down.node ?? "", what: "down" }];
  });
}
