/** Names that nothing can be told of. Pure. */
import { foldNames, isPlainNodeName, parseNodeName } from "../../slurm/node-name.ts";
import type { Look } from "../inspect/look.ts";

/**
 * A sentence for each kind of name that neither Slurm nor the SlurmCluster nor a Pod has, with what names look like. podsToBeDeleted may hold
 * any text; what is no name of a node counts as not there, as it is not to get into commands that people copy.
 */
export function unknownNames(names: readonly string[], { snapshot, cluster, unknown }: Look): string[] {
  const groups = new Set(snapshot.workers.values().flatMap(({ group }) => (group === undefined ? [] : [group])));
  const known = groups.size === 0 ? "" : `, with a group of ${[...groups].join(", ")}`;
  const like = `nodes are named ${cluster.name}-worker-<group>-<index>${known}`;
  const why = (name: string): string => {
    const { refusal } = parseNodeName(name, cluster.name, groups);
    if (!isPlainNodeName(name)) return `not the name of a worker; ${like}`;
    if (refusal === "NotOfThisCluster") return `not of cluster ${cluster.name}; ${like}`;
    if (refusal === "UnknownGroup" && unknown.size > 0) return "not in what could be read";
    if (refusal !== undefined) return `not the name of a worker; ${like}`;
    if (unknown.size > 0) return "not in what could be read";
    return "neither in Slurm nor in the lists of the SlurmCluster, and there is no such Pod";
  };
  const strange = names.filter((name) => !snapshot.workers.has(name) || !isPlainNodeName(name));
  return [...Map.groupBy(strange, why)].map(([reason, alike]) => `${foldNames(alike)}: ${reason}`);
}
