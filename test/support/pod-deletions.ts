/** Tells, after accidents, whether each Pod that was ended was one to be ended. */
import type { ChartCluster } from "./chart-cluster.ts";
import { loggedLater, loggedSteps } from "./slurmctld-log.ts";

/** On the volume of slurmctld's state if there is one, so that it outlives the head's Pod; logrotate knows nothing of it. */
const slurmctldLog = "/var/spool/slurmctld/accidents.log";

/**
 * Lines for slurm.conf of clusters in which accidents happen: slurmctld logs each node that it wakes and parks, and looks for jobs to start
 * every few seconds instead of every minute, so that one that was requeued is soon tried again. Its log is a file, in which each line has
 * slurmctld's own time; to standard error it writes several at once, later.
 */
export const accidentConf = [
  `SlurmctldLogFile=${slurmctldLog}`,
  "LogTimeFormat=iso8601_ms",
  "DebugFlags=Power",
  "SlurmctldDebug=verbose",
  "SchedulerParameters=sched_interval=5,bf_interval=5",
].join("\n");

/** Compares what kube-apiserver was asked to delete with what slurmctld says it did. */
export interface PodDeletions {
  /**
   * Tells of each deletion of a Pod that Slurm had neither parked nor set DOWN at that time, in words. The test's own, as administrator,
   * are not told; nor are those of the kubelet, which only ends what somebody else has asked to end.
   */
  readonly wrong: () => Promise<readonly string[]>;
  /** How often Pods were created, by name: all that exist or ever did, of this cluster. */
  readonly creations: () => Promise<Readonly<Record<string, number>>>;
}

/** Kubernetes' name of the user that kubectl is in tests, and of the one that the kubelet is. */
const admin = "admin";
const kubelet = "system:node:node";

/** Begins with a cluster whose slurm.conf has {@link accidentConf}. */
export function watchDeletions({ cluster, inHead }: ChartCluster): PodDeletions {
  return {
    wrong: async () => {
      // The head's Pod has no time zone of its own: its local time is UTC.
      const steps = loggedSteps(await inHead("cat", slurmctldLog), "Z");
      const deletions = (await cluster.api.auditEvents()).filter(
        ({ verb, objectRef, responseStatus, user }) =>
          ["delete", "deletecollection"].includes(verb) &&
          objectRef?.resource === "pods" &&
          responseStatus?.code === 200 &&
          user.username !== admin &&
          user.username !== kubelet,
      );
      return deletions.flatMap(({ verb, objectRef, user, requestReceivedTimestamp }) => {
        const pod = objectRef?.name ?? "all";
        const at = Date.parse(requestReceivedTimestamp);
        const ofPod = steps.filter(({ node }) => node === pod);
        const last = ofPod.filter((step) => step.at <= at).at(-1);
        const next = ofPod.find((step) => step.at > at);
        const wasOff = last !== undefined && last.what !== "woken";
        const parkedThen = next?.what === "parked" && next.at <= at + loggedLater;
        if (verb === "delete" && (wasOff || parkedThen)) return [];
        const before =
          last === undefined ? "not touched it" : `it ${last.what} since ${new Date(last.at).toISOString()}`;
        return [`${requestReceivedTimestamp} ${verb} ${pod} by ${user.username}: Slurm had ${before}`];
      });
    },
    creations: async () => {
      const created = (await cluster.api.auditEvents()).filter(
        ({ verb, objectRef, responseStatus }) =>
          verb === "create" &&
          objectRef?.resource === "pods" &&
          objectRef.subresource === undefined &&
          responseStatus?.code === 201,
      );
      const counts: Record<string, number> = {};
      for (const { objectRef } of created) {
        const pod = objectRef?.name ?? "";
        counts[pod] = (counts[pod] ?? 0) + 1;
      }
      return counts;
    },
  };
}
