/** Every metric of the operator, for Prometheus. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { OperatedCluster } from "./operated-cluster.ts";
import type { WorkersPlan } from "./plan-workers.ts";
import type { ClusterStatus } from "./status.ts";

/** What is told to the metrics. */
export interface OperatorMetrics {
  readonly leader: (leads: boolean) => void;
  readonly looked: (result: "done" | "failed", milliseconds: number) => void;
  readonly pod: (cluster: OperatedCluster, what: "created" | "deleted") => void;
  readonly status: (cluster: OperatedCluster, status: ClusterStatus, plan: WorkersPlan) => void;
  /** Forgets clusters that are gone; given `namespace/name` of those that are there. */
  readonly keep: (clusters: ReadonlySet<string>) => void;
  /** The text that Prometheus reads, and its content type. */
  readonly render: () => Promise<{ readonly body: string; readonly contentType: string }>;
}

const states = ["ready", "progressing", "unhealthy", "failed"] as const;

/** Makes the metrics. `doubt`: why the watches cannot be believed now, if so. */
export function createMetrics(doubt: () => string | undefined): OperatorMetrics {
  const registers = [new Registry()];
  const [registry = new Registry()] = registers;
  const cluster = ["namespace", "cluster"] as const;
  const leader = new Gauge({
    name: "slurm_operator_leader",
    help: "1 in the operator that holds the Lease",
    registers,
  });
  new Gauge({
    name: "slurm_operator_synced",
    help: "1 while the watches of SlurmClusters and Pods can be believed",
    registers,
    collect() {
      this.set(doubt() === undefined ? 1 : 0);
    },
  });
  const looks = new Counter({
    name: "slurm_operator_reconciles_total",
    help: "Looks at a cluster",
    labelNames: ["result"] as const,
    registers,
  });
  const seconds = new Histogram({
    name: "slurm_operator_reconcile_seconds",
    help: "Time that a look took, with what it changed",
    buckets: [0.01, 0.05, 0.25, 1, 5, 30],
    registers,
  });
  const pods = new Counter({
    name: "slurm_operator_pods_total",
    help: "Worker Pods created and deleted",
    labelNames: [...cluster, "what"] as const,
    registers,
  });
  const desired = new Gauge({
    name: "slurm_operator_desired_workers",
    help: "Workers that are to be there",
    labelNames: [...cluster, "group"] as const,
    registers,
  });
  const ready = new Gauge({
    name: "slurm_operator_available_workers",
    help: "Workers that are ready",
    labelNames: cluster,
    registers,
  });
  const state = new Gauge({
    name: "slurm_operator_cluster_state",
    help: "1 for the state that a cluster is in",
    labelNames: [...cluster, "state"] as const,
    registers,
  });
  /** Label sets by cluster, to be removed with it. */
  const groups = new Map<string, Set<string>>();
  const labelsOf = ({ namespace, name }: Pick<OperatedCluster, "namespace" | "name">) => ({ namespace, cluster: name });
  const forgetGroups = (key: string, except: ReadonlySet<string>): void => {
    const [namespace = "", name = ""] = key.split("/");
    for (const group of groups.get(key) ?? []) {
      if (!except.has(group)) desired.remove({ namespace, cluster: name, group });
    }
  };
  return {
    leader: (leads) => leader.set(leads ? 1 : 0),
    looked: (result, milliseconds) => {
      looks.inc({ result });
      seconds.observe(milliseconds / 1000);
    },
    pod: (of, what) => pods.inc({ ...labelsOf(of), what }),
    status: (of, status, plan) => {
      const key = `${of.namespace}/${of.name}`;
      const present = new Set(plan.groups.map(({ group }) => group));
      forgetGroups(key, present);
      groups.set(key, present);
      for (const each of plan.groups) desired.set({ ...labelsOf(of), group: each.group }, each.desired.length);
      ready.set(labelsOf(of), status.availableWorkerReplicas);
      for (const each of states) state.set({ ...labelsOf(of), state: each }, each === status.state ? 1 : 0);
    },
    keep: (clusters) => {
      for (const key of groups.keys()) {
        if (clusters.has(key)) continue;
        const [namespace = "", name = ""] = key.split("/");
        forgetGroups(key, new Set());
        ready.remove({ namespace, cluster: name });
        for (const each of states) state.remove({ namespace, cluster: name, state: each });
        groups.delete(key);
      }
    },
    render: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  };
}
