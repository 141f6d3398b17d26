/** A worker: a bare Pod whose name is also that of the host and of the Slurm node. */
import { createHash } from "node:crypto";
import { workerName } from "../../slurm/node-name.ts";
import { annotations, labels } from "../names.ts";
import type { OperatedGroup } from "../operated-cluster.ts";
import { childMetadata, type Manifest } from "./manifest.ts";
import { type BuildContext, buildPod, type PodOwner } from "./pod.ts";

/** What a worker is built from. */
type WorkerGroup = Pick<OperatedGroup, "name" | "template" | "initBash">;

/** Builds a worker's Pod. `managed`: its group is one that Slurm wakes and parks. */
export function buildWorker(
  owner: PodOwner,
  group: WorkerGroup,
  index: number,
  managed: boolean,
  context: BuildContext,
): Manifest {
  const { metadata, spec } = build(owner, group, index, context);
  const { labels: podLabels, annotations: podAnnotations } = metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...childMetadata(owner, workerName(owner.name, group.name, index), podLabels),
      annotations: {
        // Neither autoscaler knows that a job runs in it.
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        ...podAnnotations,
        [annotations.templateHash]: templateHash(owner, group, context),
        ...(managed && { [annotations.powerManaged]: "true" }),
      },
    },
    spec,
  };
}

/**
 * Tells whether a worker was made from what the resource says now: the same for all workers of a group, whatever its replicas and lists.
 */
export function templateHash(owner: PodOwner, group: WorkerGroup, context: BuildContext): string {
  return createHash("sha256")
    .update(sortedJson(build(owner, group, 0, context)))
    .digest("hex")
    .slice(0, 16);
}

/** Whether a group's first container has the limits without which slurmd would count the whole machine as its own. */
export function hasLimits({ template }: Pick<OperatedGroup, "template">): boolean {
  const limits = template.spec.containers[0]?.resources?.limits;
  return limits?.cpu !== undefined && limits.memory !== undefined;
}

function build(owner: PodOwner, group: WorkerGroup, index: number, context: BuildContext) {
  const gres = gresOf(group);
  return buildPod(
    owner,
    {
      type: "worker",
      template: group.template,
      containerName: "slurmd",
      initBash: group.initBash,
      labels: { [labels.group]: group.name, [labels.index]: String(index) },
      // Jobs run in it, and none of them may speak for the cluster.
      defaults: { automountServiceAccountToken: false },
      fixed: { hostname: workerName(owner.name, group.name, index), subdomain: owner.name },
      env: gres === "" ? [] : [{ name: "WORKER_GRES", value: gres }],
    },
    context,
  );
}

/** Slurm's Gres for the devices among the limits: `nvidia.com/gpu: 2` is `gpu:2`. The downward API does not tell of them. */
function gresOf({ template }: WorkerGroup): string {
  const limits = Object.entries(template.spec.containers[0]?.resources?.limits ?? {});
  const gpus = limits.filter(([name]) => name.endsWith("/gpu")).map(([, count]) => Number(count));
  const sum = gpus.reduce((total, count) => total + count, 0);
  return sum > 0 ? `gpu:${sum}` : "";
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
