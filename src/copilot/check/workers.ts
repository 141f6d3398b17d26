/** Slurm's nodes that belong to worker groups of the resource, by group. */
import { groupNames } from "../../scaling/patch.ts";
import { parseNodeName } from "../../slurm/node-name.ts";
import type { NodeRecord } from "../../slurm/node-record.ts";
import { type Facts, type Known, together } from "./facts.ts";

/** Group → its nodes in slurm.conf's order; groups without nodes are left out. */
export function workersByGroup(facts: Facts): Known<ReadonlyMap<string, readonly NodeRecord[]>> {
  const known = together({ nodes: facts.nodes, resource: facts.resource, cluster: facts.here.cluster });
  if ("unknown" in known) return known;
  const { cluster, nodes, resource } = known.value;
  const groups = groupNames(resource);
  const workers = [...nodes.values()].flatMap((node) => {
    const parsed = parseNodeName(node.name, cluster.name, groups);
    return parsed.refusal === undefined ? [{ node, group: parsed.group }] : [];
  });
  const byGroup = Map.groupBy(workers, ({ group }) => group);
  return { value: new Map([...byGroup].map(([group, members]) => [group, members.map(({ node }) => node)])) };
}
