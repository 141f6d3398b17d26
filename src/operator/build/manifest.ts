/** Shapes of what the operator makes: as much of them as it looks at. */

/** What belongs to a cluster names it as owner, so that Kubernetes' garbage collection removes it with the cluster. */
interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
  readonly blockOwnerDeletion: boolean;
}

/** An object to be made. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences: readonly [OwnerReference];
  };
  readonly [field: string]: unknown;
}

/** A container, with the fields that are read or written. */
export interface Container {
  readonly name?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly object[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> };
  readonly [field: string]: unknown;
}

/** A Pod's specification, likewise. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string }[];
  readonly dnsConfig?: { readonly searches?: readonly string[] };
  readonly [field: string]: unknown;
}

/** A Pod template as the resource carries it. */
export interface PodTemplate {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  } | null;
  readonly spec: PodSpec;
}

/** A cluster as far as its children carry it. */
export interface Owner {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The metadata of a cluster's child. */
export function childMetadata(owner: Owner, name: string, labels: Readonly<Record<string, string>>) {
  const { namespace, name: ownerName, uid } = owner;
  const reference: OwnerReference = {
    apiVersion: "kai.alibabacloud.com/v1",
    kind: "SlurmCluster",
    name: ownerName,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return { name, namespace, labels, ownerReferences: [reference] as const };
}
