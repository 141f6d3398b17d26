/** Who serves SlurmClusters in a cluster already: pure functions over objects as kubectl prints them. */

/** The resource SlurmCluster by its whole name: other projects have one of the same short name. */
export const resource = "slurmclusters.kai.alibabacloud.com";

/** What {@link findSharedOperator} must see all of. */
export const tellingKinds = "clusterroles,clusterrolebindings,deployments";

/** An object of one of {@link tellingKinds}, as far as it tells whom an operator serves. */
export interface TellingObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  /** Of a ClusterRole; one that is aggregated from others may have `null`. */
  readonly rules?: readonly Rule[] | null;
  /** Of a ClusterRoleBinding. */
  readonly roleRef?: { readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
  /** Of a Deployment. */
  readonly spec?: {
    readonly template: {
      readonly spec: { readonly serviceAccountName?: string; readonly containers: readonly Container[] };
    };
  };
  readonly status?: { readonly readyReplicas?: number };
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
}

interface Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
}

/** An operator of the SlurmClusters of all namespaces. */
export interface SharedOperator {
  /** Of its Deployment. */
  readonly namespace: string;
  readonly name: string;
  /** Whether a Pod of it is ready. */
  readonly ready: boolean;
}

/**
 * Finds the operator that serves the SlurmClusters of all namespaces, one that is ready before others. Labels and images do not tell: other
 * projects call theirs slurm-operator, too, and registries rename images. Rights do: it must be able to write the status of SlurmClusters
 * everywhere.
 */
export function findSharedOperator(objects: readonly TellingObject[]): SharedOperator | undefined {
  const ofKind = (kind: string): TellingObject[] => objects.filter((object) => object.kind === kind);
  const roles = new Set(
    ofKind("ClusterRole")
      .filter(isForOperators)
      .map(({ metadata }) => metadata.name),
  );
  const accounts = new Set(
    ofKind("ClusterRoleBinding")
      .filter(({ roleRef }) => roleRef !== undefined && roles.has(roleRef.name))
      .flatMap(({ subjects = [] }) => subjects.filter(({ kind }) => kind === "ServiceAccount"))
      .map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const operators = ofKind("Deployment")
    .filter(({ metadata, spec }) => {
      const { serviceAccountName = "default", containers = [] } = spec?.template.spec ?? {};
      return accounts.has(`${metadata.namespace}/${serviceAccountName}`) && !containers.some(servesOneNamespace);
    })
    .map(({ metadata: { namespace = "", name }, status }) => ({
      namespace,
      name,
      ready: (status?.readyReplicas ?? 0) > 0,
    }));
  return operators.find(({ ready }) => ready) ?? operators[0];
}

/**
 * Whether a ClusterRole is one for operators of SlurmClusters: by name it allows to write their status. Whoever may do so as he may do
 * everything, such as an admin or a deployment tool, is no operator.
 */
export function isForOperators({ rules }: Pick<TellingObject, "rules">): boolean {
  const [plural = "", ...group] = resource.split(".");
  return (rules ?? []).some(
    ({ apiGroups = [], resources = [], verbs }) =>
      apiGroups.includes(group.join(".")) &&
      [`${plural}/status`, "*/status", "*"].some((each) => resources.includes(each)) &&
      ["patch", "update", "*"].some((each) => verbs.includes(each)),
  );
}

/** Whether it was told to watch one namespace alone, whatever its rights. */
function servesOneNamespace({ command = [], args = [] }: Container): boolean {
  return [...command, ...args].some((word) => /^--namespace(=|$)/.test(word));
}
