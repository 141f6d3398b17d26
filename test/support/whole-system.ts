import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { type ClusterResource, createClusterResource } from "./cluster-resource.ts";
import { type Slurm, startSlurm } from "./slurm.ts";
import type { SlurmOptions } from "./slurm-conf.ts";
import { startStandIn } from "./stand-in.ts";
import { call, type PodObject } from "./stand-in-api.ts";

/** A real Slurm whose slurmctld runs our programs, a SlurmCluster that they write, and the stand-in that makes it come true. */
export interface WholeSystem {
  readonly slurm: Slurm;
  readonly cluster: ClusterResource;
  /** Full names of nodes: `worker("cpu-0")` is `<cluster>-worker-cpu-0`, `worker("cpu-[0-2]")` a host list. */
  worker(rest: string): string;
  /** The cluster's worker Pods: name → UID. */
  pods(): Promise<Record<string, string>>;
  /**
   * Writes `power-agent.yaml` beside slurm.conf anew: the keys that say where API and logs are, `values` over them, then
   * `lines` as they are.
   */
  writeSettings(values: Readonly<Record<string, unknown>>, lines?: string): Promise<void>;
  /** What slurm-resume and slurm-resume-fail have logged; none as long as there is no log. */
  resumeLog(): Promise<LogLine[]>;
  /** What slurm-suspend has logged. */
  suspendLog(): Promise<LogLine[]>;
  /** Lets a Pod of `heldPods` start. */
  releasePod(name: string): Promise<void>;
  /** What the stand-in did and where it failed, in words. */
  readonly notes: readonly string[];
  stop(): Promise<void>;
}

/** One line of a program's log. `run` tells the runs of a program apart. */
export interface LogLine {
  readonly level: string;
  readonly run: string;
  readonly message: string;
}

/** What a test says about the system it wants. */
export interface WholeSystemOptions extends Omit<SlurmOptions, "programs"> {
  readonly controlPlane: ControlPlane;
  /** Folder with our programs: `inject("installation")`. */
  readonly installation: string;
  /** Worker groups that the SlurmCluster has. Default: all groups of Slurm. */
  readonly workerGroups?: readonly string[];
  /** See `StandInOptions`. Default: false. */
  readonly emptiesLists?: boolean;
  /** Names of Pods that stay Pending until they are released. Default: none. */
  readonly heldPods?: readonly string[];
}

const label = "kai.alibabacloud.com/slurm-cluster";

/**
 * Starts Slurm and the stand-in on a control plane that runs, for a SlurmCluster of its own with `replicas: 0` in all
 * groups. As in the head's image slurmctld itself starts the programs, as user slurm; a kubeconfig that only this user can
 * read holds the documented Role's token. Several may run side by side.
 */
export async function startWholeSystem(options: WholeSystemOptions): Promise<WholeSystem> {
  const { controlPlane, installation, clusterName: name, emptiesLists = false } = options;
  const heldPods = new Set(options.heldPods);
  const groups = (options.workerGroups ?? Object.keys(options.groups)).map((groupName) => ({ groupName, replicas: 0 }));
  const cluster = await createClusterResource(controlPlane, name, groups);
  const programs = {
    resume: join(installation, "slurm-resume"),
    suspend: join(installation, "slurm-suspend"),
    resumeFail: join(installation, "slurm-resume-fail"),
  };
  const slurm = await startSlurm({ ...options, programs });
  const logs = { resumeLog: join(slurm.folder, "log/resume.log"), suspendLog: join(slurm.folder, "log/suspend.log") };
  const kubeconfig = join(slurm.folder, "kubeconfig");
  const copilotSocket = join(slurm.folder, "log/copilot.sock");
  const usual = { namespace: "default", cluster: name, kubeconfig, ...logs, copilotSocket, metricsPort: 0 };
  const writeSettings: WholeSystem["writeSettings"] = (values, lines = "") =>
    writeFile(join(slurm.folder, "power-agent.yaml"), stringify({ ...usual, ...values }) + lines);
  try {
    await writeFile(kubeconfig, await agentKubeconfig(controlPlane, cluster.token), { mode: 0o600 });
    await promisify(execFile)("chown", ["slurm:slurm", kubeconfig]);
    await writeSettings({});
  } catch (error) {
    await slurm.stop();
    throw error;
  }
  const notes: string[] = [];
  const standIn = startStandIn({
    controlPlane,
    slurm,
    namespace: "default",
    clusterName: name,
    emptiesLists,
    heldPods,
    log: (message) => notes.push(message),
  });
  return {
    slurm,
    cluster,
    worker: (rest) => `${name}-worker-${rest}`,
    async pods() {
      const path = `/api/v1/namespaces/default/pods?labelSelector=${label}=${name}`;
      const { items } = await call<{ items: PodObject[] }>(controlPlane.request, [200], "GET", path);
      return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.uid]));
    },
    writeSettings,
    resumeLog: () => readLog(logs.resumeLog),
    suspendLog: () => readLog(logs.suspendLog),
    releasePod(name) {
      heldPods.delete(name);
      // The stand-in looks at its Pods at every change.
      return cluster.patch([{ op: "add", path: "/metadata/annotations", value: { released: name } }]);
    },
    notes,
    async stop() {
      await standIn.stop();
      await slurm.stop();
    },
  };
}

/** A kubeconfig for whoever has the token. */
export async function agentKubeconfig(
  { url, caFile }: Pick<ControlPlane, "url" | "caFile">,
  token: string,
): Promise<string> {
  const authority = await readFile(caFile, "base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "here", cluster: { server: url, "certificate-authority-data": authority } }],
    users: [{ name: "agent", user: { token } }],
    contexts: [{ name: "here", context: { cluster: "here", user: "agent" } }],
    "current-context": "here",
  });
}

/** Reads a log in the text format: time, level, run and message. */
async function readLog(path: string): Promise<LogLine[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    const [, level = "", run = "", message = ""] = /^\S+ (\S+) +(\S+) (.*)$/.exec(line) ?? [];
    return line === "" ? [] : [{ level, run, message }];
  });
}
