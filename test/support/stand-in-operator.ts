import { isDeepStrictEqual } from "node:util";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { type ClusterObject, call, type PodObject } from "./stand-in-api.ts";
import { planPods } from "./stand-in-plan.ts";
import { type Rounds, startRounds, type Watched } from "./stand-in-rounds.ts";

/** Labels of worker Pods. */
export const clusterLabel = "kai.alibabacloud.com/slurm-cluster";
export const typeLabel = "kai.alibabacloud.com/slurm-node-type";

/** What the operator looks after, and how. */
export interface StandInOperatorOptions {
  readonly controlPlane: Pick<ControlPlane, "adminKubeconfig" | "request">;
  readonly namespace: string;
  /** Name of the SlurmCluster, which may not exist yet. */
  readonly clusterName: string;
  /** Whether it empties podsToBeCreated and podsToBeDeleted once it has acted on them, as some operators do. */
  readonly emptiesLists: boolean;
  /** The whole Pod of a worker. */
  readonly makePod: (name: string, cluster: ClusterObject) => object;
  /** Told each thing done and each failure, in words. */
  readonly log: (message: string) => void;
}

/** An operator for tests and demo that shares nothing with ours. */
export interface StandInOperator {
  /** Changes in these lead to a look. */
  readonly watched: readonly Watched[];
  /** The SlurmCluster; undefined while there is none. */
  readonly read: () => Promise<ClusterObject | undefined>;
  readonly listPods: () => Promise<readonly PodObject[]>;
  /** Makes and ends Pods as {@link planPods} says. Returns the names of all that should be there, and whether one was refused. */
  readonly act: (cluster: ClusterObject) => Promise<{ readonly desired: readonly string[]; readonly refused: boolean }>;
  /** Writes the status, with kube-apiserver's words where it refused a Pod; empties the lists where that is asked for. */
  readonly report: (cluster: ClusterObject, desired: readonly string[], pods: readonly PodObject[]) => Promise<void>;
}

/** Makes the operator's parts, for whoever drives it. */
export function createStandInOperator(options: StandInOperatorOptions): StandInOperator {
  const { clusterName, emptiesLists, log, makePod, namespace } = options;
  const { request } = options.controlPlane;
  const clustersPath = `/apis/kai.alibabacloud.com/v1/namespaces/${namespace}/slurmclusters`;
  const clusterPath = `${clustersPath}/${clusterName}`;
  const podsPath = `/api/v1/namespaces/${namespace}/pods`;
  const labelSelector = `${clusterLabel}=${clusterName},${typeLabel}=worker`;
  /** Why the last Pod could not be made, in kube-apiserver's words. */
  let refusal = "";

  const listPods = async (): Promise<readonly PodObject[]> => {
    const path = `${podsPath}?labelSelector=${encodeURIComponent(labelSelector)}`;
    return (await call<{ items: PodObject[] }>(request, [200], "GET", path)).items;
  };
  const createPod = async (name: string, cluster: ClusterObject): Promise<void> => {
    const body = makePod(name, cluster);
    const answer = await call<{ code?: number; message?: string }>(request, [201, 403, 409], "POST", podsPath, {
      body,
    });
    if (answer.code === 403) refusal = answer.message ?? "";
    else log(`created Pod ${name}`);
  };
  const writeStatus = async (cluster: ClusterObject, desired: readonly string[], pods: readonly PodObject[]) => {
    const availableWorkers = pods.filter(isReady).map(({ metadata }) => metadata.name);
    availableWorkers.sort();
    const settled = desired.every((name) => availableWorkers.includes(name)) && !pods.some(isDeleting);
    const status = {
      availableWorkers,
      availableWorkerReplicas: availableWorkers.length,
      state: settled ? "ready" : "progressing",
      // A kube-apiserver built with a newer go-openapi takes "" for null and refuses it; null takes the field away.
      reason: refusal === "" ? null : refusal,
      observedGeneration: cluster.metadata.generation,
    };
    const written = Object.entries(status).every(([field, value]) =>
      isDeepStrictEqual(value ?? undefined, cluster.status?.[field]),
    );
    if (written) return;
    const body = { status: { ...status, lastUpdateTime: new Date().toISOString() } };
    await call(request, [200, 404], "PATCH", `${clusterPath}/status`, {
      body,
      contentType: "application/merge-patch+json",
    });
  };
  /** Empties the lists that have been acted on, unless somebody has changed the specification meanwhile. */
  const emptyLists = async (cluster: ClusterObject): Promise<void> => {
    const groups = cluster.spec.workerGroupSpecs ?? [];
    const body = [
      { op: "test", path: "/metadata/generation", value: cluster.metadata.generation },
      ...groups.flatMap((group, index) =>
        (["podsToBeCreated", "podsToBeDeleted"] as const)
          .filter((field) => (group[field] ?? []).length > 0)
          .map((field) => ({ op: "replace", path: `/spec/workerGroupSpecs/${index}/${field}`, value: [] })),
      ),
    ];
    if (body.length === 1) return;
    // 422: the test failed. The change that caused it has woken us already.
    await call(request, [200, 409, 422], "PATCH", clusterPath, { body, contentType: "application/json-patch+json" });
  };

  return {
    watched: [
      { path: clustersPath, selector: { fieldSelector: `metadata.name=${clusterName}` } },
      { path: podsPath, selector: { labelSelector } },
    ],
    read: async () => {
      const cluster = await call<Partial<ClusterObject>>(request, [200, 404], "GET", clusterPath);
      return isCluster(cluster) ? cluster : undefined;
    },
    listPods,
    act: async (cluster) => {
      const pods = await listPods();
      const deleting = new Map(pods.map((pod) => [pod.metadata.name, isDeleting(pod)]));
      const plans = (cluster.spec.workerGroupSpecs ?? []).map((group) => {
        const stem = `${clusterName}-worker-${group.groupName}-`;
        const ofGroup = [...deleting].filter(
          ([name]) => name.startsWith(stem) && /^\d+$/.test(name.slice(stem.length)),
        );
        return planPods(group, stem, new Map(ofGroup));
      });
      refusal = "";
      for (const name of plans.flatMap(({ create }) => create)) await createPod(name, cluster);
      for (const name of plans.flatMap(({ remove }) => remove)) {
        // The Pod's own grace period starts.
        await call(request, [200, 202, 404], "DELETE", `${podsPath}/${name}`);
        log(`asked to delete Pod ${name}`);
      }
      return { desired: plans.flatMap(({ desired }) => desired), refused: refusal !== "" };
    },
    report: async (cluster, desired, pods) => {
      await writeStatus(cluster, desired, pods);
      if (emptiesLists) await emptyLists(cluster);
    },
  };
}

/** Runs the operator alone, where a real kubelet runs the Pods. A Pod that is refused is tried again, as long as it takes. */
export function startStandInOperator(options: StandInOperatorOptions): Pick<Rounds, "stop"> {
  const operator = createStandInOperator(options);
  const rounds = startRounds(
    options.controlPlane,
    operator.watched,
    async () => {
      const cluster = await operator.read();
      if (cluster === undefined) return;
      const { desired, refused } = await operator.act(cluster);
      if (refused) rounds.again();
      await operator.report(cluster, desired, await operator.listPods());
    },
    options.log,
  );
  return rounds;
}

/** Whether kubelet, or who stands in for it, says so. */
export function isReady(pod: PodObject): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

function isDeleting(pod: PodObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** False for the API's answer that there is no such object. */
function isCluster(object: Partial<ClusterObject>): object is ClusterObject {
  return object.metadata?.uid !== undefined && object.spec !== undefined;
}
