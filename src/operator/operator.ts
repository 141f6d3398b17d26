/** The operator: watches, the election, and the loop of the one that leads. */
import type { Connection } from "../kubernetes/connection.ts";
import { KubernetesError } from "../kubernetes/errors.ts";
import { createEventRecorder, type EventText } from "../kubernetes/events.ts";
import type { FailingSince } from "../kubernetes/failing-since.ts";
import { leadWithLease } from "../kubernetes/lease.ts";
import { createApi } from "../kubernetes/request.ts";
import type { Log } from "../settings/log.ts";
import { createChanges } from "./control/changes.ts";
import type { ChildrenState } from "./control/children.ts";
import { createFailureBackOff } from "./control/failure-back-off.ts";
import { runLoop } from "./control/loop.ts";
import { createRateLimit } from "./control/rate-limit.ts";
import { reconcile } from "./control/reconcile.ts";
import { type View, watchView } from "./control/view.ts";
import { createWorkersBackOff } from "./control/workers.ts";
import { createWrites, type Writes } from "./control/writes.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { OperatedCluster } from "./operated-cluster.ts";

/** What an operator is started with. */
export interface OperatorOptions {
  readonly connection: Connection;
  readonly userAgent: string;
  /** Watch this namespace alone. */
  readonly namespace: string | undefined;
  readonly lease: { readonly namespace: string; readonly identity: string };
  readonly clusterDomain: string;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A clock that is never set, in milliseconds. */
  readonly monotonic: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** An operator that has been started. */
export interface RunningOperator {
  /** Why the watches cannot be believed now, if so. */
  readonly doubt: () => string | undefined;
  /** When the loop last turned, on the monotonic clock; undefined while another operator leads. */
  readonly turned: () => number | undefined;
  /** Leads when elected, with these metrics. Resolves as {@link leadWithLease} does. */
  readonly run: (metrics: OperatorMetrics) => Promise<"ended" | "lost">;
}

/** Name of the Lease. */
const LEASE_NAME = "slurm-operator";

/** Writes a second, and how many may come at once. */
const RATE = 20;
const BURST = 30;

/** Writes that may be under way at once, each on a connection of its own, and as many reads. */
const CONNECTIONS = 4;

/** How long a description of how things are is not told again, in milliseconds. */
const TELL_AGAIN = 600_000;

/** Starts to watch. Watches run before the election, so that a new leader acts at once. */
export function startOperator(options: OperatorOptions): RunningOperator {
  const { connection, lease, log, monotonic, now, sleep, userAgent } = options;
  const changes = createChanges(sleep);
  const view = watchView(connection, { ...options, onChange: () => changes.mark() });
  let turned: number | undefined;
  return {
    doubt: view.doubt,
    turned: () => turned,
    run: (metrics) =>
      leadWithLease(
        {
          ...options,
          api: createApi(connection, { userAgent, now }),
          namespace: lease.namespace,
          name: LEASE_NAME,
          identity: lease.identity,
          onLeader: (leader) => log.info(leader === undefined ? "nobody leads" : `${leader} leads`),
          onProblem: (message) => log.warn(message),
        },
        async ({ signal, isHeld }) => {
          metrics.leader(true);
          const rateLimit = createRateLimit({ rate: RATE, burst: BURST, now: monotonic, sleep });
          const writes = createWrites({
            readApi: createApi(connection, { userAgent, now, connections: CONNECTIONS }),
            writeApi: createApi(connection, { userAgent, now, connections: CONNECTIONS }),
            connections: CONNECTIONS,
            rateLimit,
            isLeader: isHeld,
            signal,
            now: monotonic,
          });
          const look = createLook({ ...options, view, metrics, writes });
          await runLoop({
            clusters: () => {
              metrics.keep(new Set(view.clusters.keys()));
              return view.clusters.keys();
            },
            doubt: view.doubt,
            look,
            changes,
            sleep,
            signal,
            now: monotonic,
            log,
            onTick: () => {
              turned = monotonic();
            },
          });
          metrics.leader(false);
        },
      ),
  };
}

/** Makes the function that looks at a cluster and never rejects. */
function createLook(
  options: OperatorOptions & { readonly view: View; readonly metrics: OperatorMetrics; readonly writes: Writes },
): (key: string) => Promise<number> {
  const { clusterDomain, log, metrics, monotonic, now, signal, view, writes } = options;
  const backOff = createWorkersBackOff(monotonic);
  const failedLooks = createFailureBackOff(monotonic);
  const children = new Map<string, ChildrenState>();
  const failing = new Map<string, FailingSince>();
  const events = createEvents(options);
  return async (key) => {
    const cluster = view.clusters.get(key);
    if (cluster === undefined) return 0;
    const started = monotonic();
    try {
      const again = await reconcile(cluster, view.podsOf(cluster), {
        writes,
        backOff,
        children,
        failing,
        now,
        monotonic,
        build: { clusterDomain },
        tell: (event) => {
          log.info(`${key}: ${event.message}`);
          events(cluster).tell(event);
        },
        tellState: (event) => events(cluster).tellState(event),
        onPod: (what) => metrics.pod(cluster, what),
        onStatus: (status, plan) => metrics.status(cluster, status, plan),
        log: (message) => log.info(message),
      });
      metrics.looked("done", monotonic() - started);
      failedLooks.succeed(key);
      return again;
    } catch (error) {
      metrics.looked("failed", monotonic() - started);
      const expected = error instanceof KubernetesError;
      const message = expected ? error.message : `defect, please report it: ${(error as Error).stack ?? String(error)}`;
      if (!signal.aborted) log[expected ? "warn" : "error"](`${key}: ${message}`);
      failedLooks.fail(key, message);
      return failedLooks.blocked(key)?.wait ?? 0;
    }
  };
}

interface ClusterEvents {
  readonly tell: (event: EventText) => void;
  readonly tellState: (event: EventText) => void;
}

/** Records Events about clusters, beside the work: nothing waits for them. */
function createEvents(options: OperatorOptions): (cluster: OperatedCluster) => ClusterEvents {
  const { connection, log, monotonic, now, random, userAgent } = options;
  const api = createApi(connection, { userAgent, now });
  const recorders = new Map<string, ClusterEvents>();
  return ({ namespace, name, uid }) => {
    const known = recorders.get(uid);
    if (known !== undefined) return known;
    const record = createEventRecorder({
      api,
      object: { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", namespace, name, uid },
      component: "slurm-operator",
      now,
      random,
      onProblem: (message) => log.warn(message),
    });
    const told = new Map<string, number>();
    const tell = (event: EventText): void => void record(event);
    const tellState = (event: EventText): void => {
      for (const [message, at] of told) if (monotonic() - at > TELL_AGAIN) told.delete(message);
      if (told.has(event.message)) return;
      told.set(event.message, monotonic());
      log[event.type === "Warning" ? "warn" : "info"](`${namespace}/${name}: ${event.message}`);
      tell(event);
    };
    const made = { tell, tellState };
    recorders.set(uid, made);
    return made;
  };
}
