/** Whether the service account has each right that deploy/rbac grants. */
import type { Right } from "../../kubernetes/access-review.ts";
import type { SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import { type Check, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";
import { type RightFact, together } from "./facts.ts";

/** A right that a manifest of ours grants, and what cannot be done without it. */
interface NeededRight extends Right {
  readonly manifest: "agent" | "copilot";
  readonly without: string;
}

const SLURM_CLUSTERS = { manifest: "agent", group: "kai.alibabacloud.com", resource: "slurmclusters" } as const;
const PODS = { manifest: "copilot", group: "", resource: "pods" } as const;
const EVENTS = { manifest: "copilot", group: "", resource: "events" } as const;
const LEASES = { manifest: "copilot", group: "coordination.k8s.io", resource: "leases" } as const;

/**
 * Every right that is used. deploy/rbac/agent.yaml also grants `update`, as the documented Role always did; nothing of ours needs it.
 */
export function neededRights({ name }: SlurmClusterRef): readonly NeededRight[] {
  const lease = `${name}-copilot`;
  return [
    { ...SLURM_CLUSTERS, name, verb: "get", without: "no node is woken or parked" },
    { ...SLURM_CLUSTERS, name, verb: "patch", without: "no node is woken or parked" },
    { ...SLURM_CLUSTERS, name, verb: "list", without: "the copilot does nothing at all" },
    { ...SLURM_CLUSTERS, name, verb: "watch", without: "the copilot does nothing at all" },
    { ...PODS, verb: "list", without: "the copilot does nothing at all" },
    { ...PODS, verb: "watch", without: "the copilot does nothing at all" },
    { ...PODS, verb: "get", without: "the copilot ends no Pod that must be made anew" },
    { ...PODS, verb: "delete", without: "a Pod whose slurmd never registers stays as it is" },
    { ...EVENTS, verb: "create", without: "kubectl describe slurmcluster tells nothing of what was decided" },
    { ...EVENTS, verb: "list", without: "slurmctld-copilot explain tells no Events" },
    { ...EVENTS, verb: "patch", without: "each repetition of an Event is one more Event" },
    { ...LEASES, verb: "create", without: "with backup controllers no copilot acts" },
    { ...LEASES, name: lease, verb: "get", without: "with backup controllers no copilot acts" },
    { ...LEASES, name: lease, verb: "update", without: "with backup controllers no copilot acts" },
  ];
}

export const rights: Check = {
  name: "rights of the service account",
  run: ({ controllers, here, rights: facts }) =>
    given(together({ has: facts, cluster: here.cluster }), ({ cluster, has }) => {
      const lacking = neededRights(cluster)
        // With one slurmctld there is one copilot, and nothing to agree on.
        .filter(({ resource }) => resource !== LEASES.resource || controllers.length > 1)
        .filter((right) => !has.some((fact) => fact.allowed && isSame(fact, right)));
      const byResource = Object.groupBy(lacking, (right) => `${right.group}/${right.resource}`);
      return Object.values(byResource).flatMap((missing = []) => toFinding(missing, cluster));
    }),
};

function isSame(fact: RightFact, { verb, group, resource, name }: NeededRight): boolean {
  return fact.verb === verb && fact.group === group && fact.resource === resource && fact.name === name;
}

function toFinding(missing: readonly NeededRight[], { namespace, name }: SlurmClusterRef): Finding[] {
  const [first] = missing;
  if (first === undefined) return [];
  const { group, manifest, resource } = first;
  const full = group === "" ? resource : `${resource}.${group}`;
  const verbs = missing.map(({ verb }) => verb).join(", ");
  const without = [...new Set(missing.map((right) => right.without))].join("; ");
  const role = manifest === "agent" ? name : `${name}-copilot`;
  return [
    finding(
      manifest === "agent" ? "RightMissing" : "CopilotRightMissing",
      `${full} in namespace ${namespace}`,
      `may not ${verbs}; without: ${without}`,
      `apply deploy/rbac/${manifest}.yaml with the names of this cluster, or add to Role ${role}: ` +
        `apiGroups ["${group}"], resources [${resource}], verbs [${verbs}]`,
    ),
  ];
}
