import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { Slurm, Slurmd } from "./slurm.ts";
import { call, type PodObject } from "./stand-in-api.ts";
import { clusterLabel, createStandInOperator, isReady, typeLabel } from "./stand-in-operator.ts";
import { type Rounds, startRounds } from "./stand-in-rounds.ts";

/** What the stand-in looks after, and how. */
export interface StandInOptions {
  readonly controlPlane: ControlPlane;
  readonly slurm: Slurm;
  readonly namespace: string;
  /** Name of the SlurmCluster, which may not exist yet. */
  readonly clusterName: string;
  /** Whether it empties podsToBeCreated and podsToBeDeleted once it has acted on them, as some operators do. */
  readonly emptiesLists: boolean;
  /** Pods that never get further than Pending, as if their image could not be pulled. Default: none. */
  readonly heldPods?: ReadonlySet<string>;
  /** Told each thing done and each failure, in words. */
  readonly log: (message: string) => void;
}

export interface StandIn {
  /** Stops acting and ends the slurmds that it started; Pods and SlurmCluster stay as they are. */
  stop(): Promise<void>;
}

/**
 * A small operator and kubelet in one, for tests and demo: real Pod objects, and a real slurmd for each.
 *
 * As operator it makes the worker Pods of a SlurmCluster follow its lists and writes its status, see stand-in-operator.ts. As
 * kubelet it starts `slurmd -b -N <pod name>` for each worker Pod of the cluster, whoever made it, marks it Running and
 * Ready, and when a Pod is to be deleted ends slurmd first and then the object. A Pod that somebody marks as Failed loses its slurmd.
 *
 * Every change leads to a full look at SlurmCluster and Pods; what fails is logged and tried again half a second later.
 */
export function startStandIn(options: StandInOptions): StandIn {
  const { controlPlane, slurm, namespace, clusterName, log } = options;
  const { request } = controlPlane;
  const podsPath = `/api/v1/namespaces/${namespace}/pods`;
  const slurmds = new Map<string, Slurmd>();
  const operator = createStandInOperator({
    ...options,
    makePod: (name, cluster) => {
      const ownerReference = { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", name: clusterName };
      const metadata = {
        name,
        labels: { [clusterLabel]: clusterName, [typeLabel]: "worker" },
        ownerReferences: [{ ...ownerReference, uid: cluster.metadata.uid, controller: true }],
      };
      // With a node's name the API server leaves the end of a deletion to the kubelet: us.
      return { metadata, spec: { nodeName: "stand-in", containers: [{ name: "slurmd", image: "slurm-worker" }] } };
    },
  });

  /** The kubelet's part, for one Pod. */
  const runPod = async (pod: PodObject): Promise<void> => {
    const { name, uid, deletionTimestamp } = pod.metadata;
    const slurmd = slurmds.get(uid);
    if (deletionTimestamp !== undefined) {
      await slurmd?.stop();
      slurmds.delete(uid);
      // Ends the object at once.
      await call(request, [200, 202, 404], "DELETE", `${podsPath}/${name}?gracePeriodSeconds=0`);
      log(`ended Pod ${name}`);
    } else if (pod.status?.phase === "Failed") {
      await slurmd?.stop();
      slurmds.delete(uid);
    } else if (slurmd === undefined && options.heldPods?.has(name) !== true) {
      slurmds.set(uid, await slurm.startSlurmd(name));
      log(`started slurmd of Pod ${name}`);
    }
    if (deletionTimestamp === undefined && slurmds.has(uid) && !isReady(pod)) {
      const state = { running: { startedAt: new Date().toISOString() } };
      const container = { name: "slurmd", image: "slurm-worker", imageID: "", ready: true, restartCount: 0, state };
      const conditions = [{ type: "Ready", status: "True" }];
      const status = { phase: "Running", podIP: "127.0.0.1", conditions, containerStatuses: [container] };
      const patch = { body: { status }, contentType: "application/merge-patch+json" };
      await call(request, [200, 404], "PATCH", `${podsPath}/${name}/status`, patch);
    }
  };

  /** An object deleted with grace 0 by somebody else takes its slurmd along. */
  const endOrphans = async (pods: readonly PodObject[]): Promise<void> => {
    const there = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const [uid, slurmd] of slurmds) {
      if (there.has(uid)) continue;
      await slurmd.stop();
      slurmds.delete(uid);
    }
  };

  const reconcile = async (): Promise<void> => {
    const cluster = await operator.read();
    if (cluster === undefined) return;
    const { desired, refused } = await operator.act(cluster);
    // As an operator does: again, as long as it takes.
    if (refused) rounds.again();
    const there = await operator.listPods();
    // First: a Pod of the same name may stand in the place of one that was deleted by force.
    await endOrphans(there);
    await Promise.all(there.map(runPod));
    await operator.report(cluster, desired, await operator.listPods());
  };

  const rounds: Rounds = startRounds(controlPlane, operator.watched, reconcile, log);
  return {
    async stop() {
      await rounds.stop();
      await Promise.all([...slurmds.values()].map((slurmd) => slurmd.stop()));
    },
  };
}
