/**
 * Who the head is, and what it may do: deploy/rbac/agent.yaml and deploy/rbac/copilot.yaml, for this cluster (a test holds them equal).
 * The copilot's rights on Leases are left out: it uses them beside backup controllers, which the operator does not make. The operator
 * must itself hold every right in here, else Kubernetes does not let it grant them.
 */
import { childName, labels } from "../names.ts";
import { childMetadata, type Manifest, type Owner } from "./manifest.ts";

const rbac = "rbac.authorization.k8s.io";

/** Builds ServiceAccount, Roles and RoleBindings. */
export function buildAccess(owner: Owner): Manifest[] {
  const { name } = owner;
  const copilot = childName(name, "copilot");
  const metadata = (child: string) => childMetadata(owner, child, { [labels.cluster]: name });
  const binding = (child: string): Manifest => ({
    apiVersion: `${rbac}/v1`,
    kind: "RoleBinding",
    metadata: metadata(child),
    roleRef: { apiGroup: rbac, kind: "Role", name: child },
    subjects: [{ kind: "ServiceAccount", name, namespace: owner.namespace }],
  });
  const role = (child: string, rules: readonly object[]): Manifest => ({
    apiVersion: `${rbac}/v1`,
    kind: "Role",
    metadata: metadata(child),
    rules,
  });
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata(name) },
    role(name, [
      {
        apiGroups: ["kai.alibabacloud.com"],
        resources: ["slurmclusters"],
        verbs: ["get", "watch", "list", "update", "patch"],
        resourceNames: [name],
      },
    ]),
    binding(name),
    role(copilot, copilotRules),
    binding(copilot),
  ];
}

const copilotRules = [
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch", "delete"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "list", "patch"] },
];
