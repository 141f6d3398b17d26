/** Which nodes slurmctld parks by itself when they are idle. */
import { expandHostlist } from "hostlist-parse";
import { limitOfNode, type PartitionConfig } from "../../slurm/config.ts";
import type { ConfigDetail } from "../../slurm/config-detail.ts";
import type { NodeRecord } from "../../slurm/node-record.ts";

/**
 * Tells whether a node is kept on: SuspendExcNodes, SuspendExcParts, or a SuspendTime of INFINITE (slurm.conf(5)). A set with a count, such
 * as `nid[10-20]:4`, may keep any of its nodes on, and one that cannot be read may mean all.
 */
export function keptOn(
  config: ConfigDetail,
  partitions: readonly PartitionConfig[],
): (node: Pick<NodeRecord, "name" | "partitions">) => boolean {
  const excluded = excludedNames(config.suspendExcNodes ?? "");
  return (node) =>
    excluded === "unreadable" ||
    excluded.has(node.name) ||
    node.partitions.some((name) => config.suspendExcParts?.has(name)) ||
    limitOfNode("suspendTime", node, config, partitions) === Number.POSITIVE_INFINITY;
}

function excludedNames(hostlist: string): ReadonlySet<string> | "unreadable" {
  try {
    return new Set(expandHostlist(hostlist.replaceAll(/:\d+(?=,|$)/g, "")));
  } catch {
    // Said of a list that slurmctld itself has accepted: nothing is found rather than something wrong.
    return "unreadable";
  }
}
