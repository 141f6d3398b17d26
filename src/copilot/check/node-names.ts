/** Whether slurm.conf's nodes are workers of the resource's groups: names, groups, State=CLOUD. */
import { groupNames } from "../../scaling/patch.ts";
import { isCloud } from "../../slurm/node-flags.ts";
import { foldNames, type ParsedNodeName, parseNodeName, workerName } from "../../slurm/node-name.ts";
import type { NodeRecord } from "../../slurm/node-record.ts";
import { type Check, given } from "./check.ts";
import { type CheckCode, type Finding, finding } from "./codes.ts";
import { together } from "./facts.ts";
import { keptOn } from "./parking.ts";

/** A DNS label, and what a kernel takes for a host name (RFC 1123; Linux: 64). */
const LONGEST_NAME = 63;

export const nodeNames: Check = {
  name: "nodes of slurm.conf against the worker groups",
  run: (facts) =>
    given(
      together({
        config: facts.config,
        partitions: facts.partitions,
        nodes: facts.nodes,
        resource: facts.resource,
        cluster: facts.here.cluster,
      }),
      ({ cluster: { name: cluster }, config, nodes, partitions, resource }) => {
        const groups = groupNames(resource);
        const isKeptOn = keptOn(config, partitions);
        const judged = [...nodes.values()].flatMap((node) => judge(node, isKeptOn(node), cluster, groups) ?? []);
        const byProblem = Object.groupBy(judged, ({ code, cause }) => `${code} ${cause}`);
        const used = new Set([...nodes.keys()].map((name) => parseNodeName(name, cluster, groups)).map(groupOf));
        const unused = [...groups].filter((group) => !used.has(group));
        return [
          ...Object.values(byProblem).flatMap((problems = []) => toFinding(problems, cluster)),
          ...unused.map((group) => withoutNodes(cluster, group)),
        ];
      },
    ),
};

interface Judged {
  readonly code: keyof typeof fixes;
  readonly name: string;
  readonly cause: string;
}

/** What is wrong with a node's name or kind; nothing with a node of another sort that slurmctld leaves on. */
function judge(
  { name, state }: NodeRecord,
  isKeptOn: boolean,
  cluster: string,
  groups: ReadonlySet<string>,
): Judged | undefined {
  if (state.has("FUTURE")) return undefined;
  const cloud = isCloud({ state });
  if (!cloud && isKeptOn) return undefined;
  const parsed = parseNodeName(name, cluster, groups);
  if (parsed.refusal === "NotOfThisCluster") {
    return isKeptOn ? undefined : { code: "ForeignNode", name, cause: parsed.message };
  }
  if (parsed.refusal !== undefined) {
    const code = parsed.refusal === "UnknownGroup" ? "UnknownGroup" : "BadNodeName";
    return { code, name, cause: parsed.message };
  }
  if (name.length > LONGEST_NAME)
    return { code: "NameTooLong", name, cause: `has more than ${LONGEST_NAME} characters` };
  return cloud ? undefined : { code: "NotCloud", name, cause: "is not State=CLOUD" };
}

const fixes = {
  UnknownGroup: () => "add the group to workerGroupSpecs of the SlurmCluster, or remove its nodes from slurm.conf",
  BadNodeName: (cluster) => `name it ${cluster}-worker-<group>-<index> in slurm.conf, without leading zeros`,
  NameTooLong: () => "shorten the name of the group in the SlurmCluster and in slurm.conf",
  NotCloud: () =>
    "State=CLOUD in its NodeName line, then restart slurmctld; or, if it is always there, name it in SuspendExcNodes",
  ForeignNode: (_cluster, names) => `SuspendExcNodes=${names} in slurm.conf, then scontrol reconfigure`,
} as const satisfies Partial<Record<CheckCode, (cluster: string, names: string) => string>>;

function toFinding(problems: readonly Judged[], cluster: string): Finding[] {
  const [first] = problems;
  if (first === undefined) return [];
  const names = foldNames(problems.map(({ name }) => name));
  return [finding(first.code, `NodeName=${names}`, first.cause, fixes[first.code](cluster, names))];
}

function withoutNodes(cluster: string, group: string): Finding {
  const fix = `NodeName=${workerName(cluster, group, 0)} State=CLOUD CPUs=… RealMemory=… in slurm.conf, and in a partition`;
  return finding("GroupWithoutNodes", `worker group ${group}`, "has no node in slurm.conf", fix);
}

function groupOf(parsed: ParsedNodeName): string | undefined {
  return parsed.refusal === undefined ? parsed.group : undefined;
}
