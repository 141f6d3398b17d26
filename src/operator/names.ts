/** Labels, annotations and names of what the operator makes. */

const domain = "kai.alibabacloud.com";

/** Labels. The first two are on every Pod of a cluster, and Services select by them; the last two are on workers. */
export const labels = {
  cluster: `${domain}/slurm-cluster`,
  nodeType: `${domain}/slurm-node-type`,
  group: `${domain}/slurm-worker-group`,
  index: `${domain}/slurm-worker-index`,
} as const;

/** Annotations of worker Pods. */
export const annotations = {
  /** "true" on each Pod of a group whose workers Slurm wakes and parks: nothing but a name in podsToBeDeleted ends it. */
  powerManaged: `${domain}/power-managed`,
  /** Hash of what the Pod was made from. */
  templateHash: `${domain}/template-hash`,
} as const;

/** What a Pod of a cluster is; also the value of the label. */
export type NodeType = "head" | "worker" | "slurmdbd" | "slurmrestd";

/** Longest name of a worker: it is a host name, a DNS label (RFC 1123). */
export const LONGEST_HOST_NAME = 63;

/**
 * Longest name of a cluster: the StatefulSet of that name gets its Pods a label `<name>-<hash>` (pkg/controller/statefulset), and
 * `<name>-worker-<group>-<index>` has 63 characters at most.
 */
export const LONGEST_CLUSTER_NAME = 52;

/** The name of a cluster's slurmdbd, slurmrestd, ssh Service or copilot Role. */
export function childName(cluster: string, part: "copilot" | "slurmdbd" | "slurmrestd" | "ssh"): string {
  return `${cluster}-${part}`;
}

/** Whether a name can be that of a Service (RFC 1035 label), which is what a cluster's name must be. */
export function isServiceName(name: string): boolean {
  return name.length <= LONGEST_HOST_NAME && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name);
}
