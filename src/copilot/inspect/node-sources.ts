/** What is read about single nodes beside the common look: their Pods in full, Events, and the programs' logs. */
import { KubernetesError } from "../../kubernetes/errors.ts";
import { type Collection, listObjects } from "../../kubernetes/list.ts";
import type { Api } from "../../kubernetes/request.ts";
import type { SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import { readEndIfPresent } from "../../settings/files.ts";
import { isDnsName, type Settings } from "../../settings/settings.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { type ToldEvent, toToldEvent } from "../explain/events.ts";
import { type LogEntry, parseLog } from "../explain/log-history.ts";

/** What could be read, and in `problems` a sentence for each thing that could not. */
export interface NodeSources {
  /** Pods as the API returns them, by name; undefined for none. */
  readonly pods: ReadonlyMap<string, unknown>;
  /** Events about a Pod, by its name, and of the SlurmCluster, by its own; oldest first. */
  readonly podEvents: ReadonlyMap<string, readonly ToldEvent[]>;
  readonly clusterEvents: readonly ToldEvent[];
  readonly log: readonly LogEntry[];
  readonly problems: readonly string[];
}

/** How much of the end of each log is read, in bytes. */
const TAIL = 4 * 1024 * 1024;

/**
 * Reads them for these nodes. A name that no Pod can have, of which podsToBeDeleted may hold any, is not put into a path of the API: there is
 * nothing to read of it. Rejects only for a defect of ours.
 */
export async function readNodeSources(
  names: readonly string[],
  context: {
    readonly api: Api;
    readonly cluster: SlurmClusterRef;
    readonly settings: Pick<Settings, "resumeLog" | "suspendLog">;
    readonly signal: AbortSignal;
  },
): Promise<NodeSources> {
  const { api, cluster, settings, signal } = context;
  // What cannot be had is said once, not for each node.
  const problems = new Map<string, string>();
  const orElse = async <T>(what: string, reading: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await reading;
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      if (error.kind !== "NotFound") problems.set(what, `${what} cannot be read: ${error.message}`);
      return otherwise;
    }
  };
  const namespace = `/api/v1/namespaces/${cluster.namespace}`;
  const eventsOf = (kind: string, name: string): Promise<readonly ToldEvent[]> => {
    const selector = { fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}` };
    return orElse("Events", listEvents(api, { path: `${namespace}/events`, selector }, signal), []);
  };
  const podOf = (name: string): Promise<unknown> =>
    orElse("Pods", api({ method: "GET", path: `${namespace}/pods/${name}`, signal }), undefined);
  const [clusterEvents, ...ofNodes] = await Promise.all([
    eventsOf("SlurmCluster", cluster.name),
    ...names
      .filter(isDnsName)
      .map(async (name) => ({ name, pod: await podOf(name), events: await eventsOf("Pod", name) })),
  ]);
  const logs = [settings.resumeLog, settings.suspendLog].flatMap((path) => [`${path}.1`, path]);
  return {
    pods: new Map(ofNodes.map(({ name, pod }) => [name, pod])),
    podEvents: new Map(ofNodes.map(({ name, events }) => [name, events])),
    clusterEvents,
    log: logs.flatMap((path) => readLog(path, problems)),
    problems: [...problems.values()],
  };
}

async function listEvents(api: Api, collection: Collection, signal: AbortSignal): Promise<readonly ToldEvent[]> {
  const events: ToldEvent[] = [];
  await listObjects(api, collection, signal, (items) => {
    for (const item of items) events.push(toToldEvent(item));
  });
  return events.sort((a, b) => a.time - b.time);
}

function readLog(path: string, problems: Map<string, string>): LogEntry[] {
  try {
    return parseLog(readEndIfPresent(path, TAIL) ?? "");
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    problems.set(path, error.message);
    return [];
  }
}
