/** The lists of the resource: what no writer of ours leaves behind. */
import type { SlurmCluster, WorkerGroupSpec } from "../../kubernetes/slurm-cluster.ts";
import { groupNames } from "../../scaling/patch.ts";
import { foldNames, resolveNames, workerName } from "../../slurm/node-name.ts";
import { type Check, combined, given } from "./check.ts";
import { type CheckCode, type Finding, finding } from "./codes.ts";
import { together } from "./facts.ts";

export const lists: Check = {
  name: "lists of the SlurmCluster",
  run: (facts) => {
    const base = together({ resource: facts.resource, cluster: facts.here.cluster });
    return combined(
      given(base, ({ resource }) => groupsOf(resource).flatMap((spec) => findInGroup(spec, resource))),
      given(together({ resource: facts.resource, nodes: facts.nodes }), ({ nodes, resource }) =>
        groupsOf(resource).flatMap((spec) => {
          const wanted = namesOf(spec, resource).filter((name) => !nodes.has(name));
          return list("IndexWithoutNode", spec, wanted, "in podsToBeCreated: Slurm has no such node", addNodes);
        }),
      ),
      given(together({ resource: facts.resource, pods: facts.pods }), ({ pods, resource }) => {
        const there = new Set(pods.map(({ name }) => name));
        return groupsOf(resource).flatMap((spec) => {
          const stale = (spec.podsToBeDeleted ?? []).filter((name) => !there.has(name));
          return list("StaleName", spec, stale, "in podsToBeDeleted, and no such Pod is there", () => startCopilot);
        });
      }),
    );
  },
};

const addNodes = (names: string) => `add NodeName=${names} to slurm.conf, or remove the indexes from podsToBeCreated`;
const startCopilot = "nothing, when a copilot runs";

function findInGroup(spec: WorkerGroupSpec, resource: SlurmCluster): Finding[] {
  const { name: cluster } = resource.metadata;
  const group = spec.groupName ?? "";
  const wanted = namesOf(spec, resource);
  const unwanted = spec.podsToBeDeleted ?? [];
  const repeated = [...repeatedIn(wanted), ...repeatedIn(unwanted)];
  const both = [...new Set(wanted).intersection(new Set(unwanted))];
  const { refused } = resolveNames(unwanted, cluster, new Set([group]));
  const remove = (field: string) => (names: string) =>
    `remove ${names} from ${field} (kubectl edit slurmcluster ${cluster})`;
  return [
    ...list(
      "DuplicateEntry",
      spec,
      repeated,
      "more than once in a list",
      () => "find out who else writes this resource",
    ),
    ...list("InBothLists", spec, both, "in podsToBeCreated and podsToBeDeleted", remove("one of the two")),
    ...list(
      "ForeignName",
      spec,
      refused.map(({ name }) => name),
      "in podsToBeDeleted: no worker of this group",
      remove("podsToBeDeleted"),
    ),
    ...findReplicas(spec, resource),
    ...(typeof spec.workerCount === "number"
      ? [
          finding(
            "OldSpelling",
            `worker group ${group}`,
            "is written with workerCount",
            "write replicas instead, and remove workerCount: it counts again whenever replicas is 0",
          ),
        ]
      : []),
  ];
}

/** `replicas` counts what runs: the workers that are asked for, and those that are there without. */
function findReplicas(spec: WorkerGroupSpec, resource: SlurmCluster): Finding[] {
  const { availableWorkers } = resource.status ?? {};
  const group = spec.groupName ?? "";
  const { name: cluster } = resource.metadata;
  const there = resolveNames(availableWorkers ?? [], cluster, groupNames(resource)).byGroup.get(group) ?? new Set();
  const members = new Set([
    ...namesOf(spec, resource),
    ...[...there].map((index) => workerName(cluster, group, index)),
  ]);
  for (const name of spec.podsToBeDeleted ?? []) members.delete(name);
  const floor = spec.replicas || spec.workerCount || 0;
  if (floor <= members.size) return [];
  const cause = `has replicas ${floor}; only ${members.size} asked for or running`;
  const old = typeof spec.workerCount === "number" ? " and remove its workerCount" : "";
  const fix = `set replicas of worker group ${group} to ${members.size}${old} (kubectl edit slurmcluster ${cluster})`;
  return [finding("ReplicasAboveList", `worker group ${group}`, cause, fix)];
}

function list(
  code: CheckCode,
  { groupName }: WorkerGroupSpec,
  names: readonly string[],
  cause: string,
  fix: (names: string) => string,
): Finding[] {
  if (names.length === 0) return [];
  const folded = foldNames([...new Set(names)]);
  return [
    finding(code, `worker group ${groupName}`, `${folded} ${names.length === 1 ? "is" : "are"} ${cause}`, fix(folded)),
  ];
}

function groupsOf(resource: SlurmCluster): readonly WorkerGroupSpec[] {
  return resource.spec.workerGroupSpecs ?? [];
}

function namesOf({ groupName, podsToBeCreated }: WorkerGroupSpec, resource: SlurmCluster): readonly string[] {
  return (podsToBeCreated ?? []).map((index) => workerName(resource.metadata.name, groupName ?? "", index));
}

function repeatedIn(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return [...new Set(names.filter((name) => seen.size === seen.add(name).size))];
}
