import { execFile } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ImageStore } from "../images/store.ts";
import type { Progress } from "../progress.ts";
import { issueClientCertificate } from "./certificates.ts";
import { makeControlGroups, removeControlGroups } from "./cgroups.ts";
import { cleanUpAtExit } from "./cleanup.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { type DnsUpdater, startDnsUpdater } from "./dns.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import {
  clusterDomain,
  type NodeOptions,
  nodeName,
  startContainerd,
  startControllerManager,
  startDns,
  startKubelet,
  startProxy,
  startScheduler,
} from "./node.ts";
import { ctr, loadImage, makePauseImage } from "./node-images.ts";
import type { BackgroundProcess } from "./processes.ts";
import { findNodePrograms } from "./programs.ts";
import { missingRequirements } from "./requirements.ts";
import { startSandbox } from "./sandbox.ts";
import { waitUntilReady } from "./servers.ts";

/** A whole Kubernetes with one node, this machine. */
export interface Cluster {
  /** Holds everything of this cluster, logs too; only root may enter. */
  readonly folder: string;
  /** The API, with all that {@link ControlPlane} can, but `stop`: that is {@link Cluster.stop}. */
  readonly api: Omit<ControlPlane, "stop">;
  /** Runs kubectl as administrator; resolves to its standard output. */
  readonly kubectl: (args: readonly string[], options?: { readonly input?: string }) => Promise<string>;
  /** Gives the node an image out of a storage; Pods use it by its name, with `imagePullPolicy: IfNotPresent` or `Never`. */
  readonly loadImage: (store: ImageStore, name: string) => Promise<void>;
  /** Ends the kubelet; its Pods run on. */
  readonly stopKubelet: () => Promise<void>;
  /** Starts it again. Does nothing when it runs. */
  readonly startKubelet: () => Promise<void>;
  /** Process ids of the cluster's own programs, without Pods. */
  readonly pids: () => number[];
  /** Ends all Pods and programs and removes the folder. Repeating it is harmless. */
  readonly stop: () => Promise<void>;
}

/** What a cluster is to be like. */
export interface ClusterOptions {
  /**
   * A folder that does not exist yet, outside of /run, /tmp, /var/lib and /var/log.
   *
   * @default a fresh one in /var/tmp
   */
  readonly folder?: string;
  readonly progress: Progress;
}

const services = { range: "10.96.0.0/16", firstAddress: "10.96.0.1" };

/** Tells whose control groups a folder belongs to. */
const nameFile = "sandbox-name";

/** How long programs may take to become ready, in milliseconds. */
const readyTimeout = 120_000;

/** Claims that name no class get a folder of the machine. */
const storageClass = `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/host-path
`;

/**
 * Starts a cluster: etcd and kube-apiserver beside this process, and the node in a {@link Sandbox} of its own: containerd,
 * kubelet, kube-proxy, kube-controller-manager, kube-scheduler and a DNS. Up to 16 can run side by side; the host reaches
 * Pods by their addresses. Volumes can be claimed (StorageClass `standard`, folders of the machine).
 * Nothing is left when this process ends, even if {@link Cluster.stop} was not called; if this process is killed with SIGKILL
 * all programs end too, and only files and empty control groups are left.
 *
 * @throws Error that says what this machine lacks, or with the tail of a program's log when it does not become ready
 */
export async function startCluster({ folder: wanted, progress }: ClusterOptions): Promise<Cluster> {
  const missing = await missingRequirements();
  if (missing.length > 0) throw new Error(`this machine cannot run the local cluster: ${missing.join("; ")}`);
  const programs = await findNodePrograms(process.env);
  const folder = wanted ?? (await mkdtemp("/var/tmp/slurm-power-agent-cluster-"));
  if (wanted !== undefined) await mkdir(folder, { mode: 0o700 });

  // What has been started, in order; ends in the other order.
  const stops: (() => Promise<void>)[] = [];
  const forgetCleanup = cleanUpAtExit(() => removeRemains(folder));
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each();
    removeRemains(folder);
    forgetCleanup();
  };
  const started = <T extends { readonly stop: () => Promise<void> }>(part: T): T => {
    stops.push(part.stop);
    return part;
  };

  try {
    const sandbox = started(await startSandbox({ folder, serviceRange: services.range, init: programs.pause }));
    await writeFile(join(folder, nameFile), sandbox.name);
    makeControlGroups(sandbox.name);
    const place = join(folder, "api");
    await mkdir(place, { mode: 0o700 });
    const api = started(
      await progress.step("etcd and kube-apiserver", () =>
        startControlPlane({ folder: place, address: sandbox.hostAddress, services }),
      ),
    );
    const options: NodeOptions = { sandbox, programs, folder };
    const processes = await progress.step("containerd and controllers", () => startServers(options, api));
    const dns = await startNames(options, api);
    started(dns.updater);
    const kubelet = await makeKubelet(options, api);
    const kubectl = makeKubectl(api);
    const servers = () => [...processes, dns.server, ...kubelet.processes()];
    await kubelet.start();
    await progress.step("kubelet", () => waitUntilReady(servers(), () => nodeIsReady(api.request), readyTimeout));
    await kubectl(["apply", "--filename=-"], { input: storageClass });
    progress.say(`ready; KUBECONFIG=${api.adminKubeconfig}`);
    return {
      folder,
      api,
      kubectl,
      loadImage: (store, name) => loadImage(store, name, folder),
      stopKubelet: kubelet.stop,
      startKubelet: kubelet.start,
      pids: () => [...api.pids(), ...servers().map((each) => each.pid)],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Removes what a cluster left whose process was killed with SIGKILL: its folder and its control groups. Its programs have
 * ended with it.
 *
 * @throws Error when something of it still runs
 */
export function removeRemains(folder: string): void {
  const file = join(folder, nameFile);
  if (existsSync(file)) removeControlGroups(readFileSync(file, "utf8"), 20_000);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** Starts what runs on the node whether it has Pods or not, but the kubelet. */
async function startServers(options: NodeOptions, api: ControlPlane): Promise<BackgroundProcess[]> {
  const { folder } = options;
  const containerd = await startContainerd(options);
  // Built-in ClusterRoleBindings of Kubernetes give these users what they need.
  const scheduler = await makeKubeconfig(api, folder, "scheduler", "/CN=system:kube-scheduler");
  const manager = await makeKubeconfig(api, folder, "controller-manager", "/CN=system:kube-controller-manager");
  const proxy = await makeKubeconfig(api, folder, "proxy", "/CN=system:kube-proxy");
  const { caFile, serviceAccountKey } = api;
  const servers = [
    containerd,
    await startScheduler(options, { kubeconfig: scheduler }),
    await startControllerManager(options, { kubeconfig: manager, caFile, serviceAccountKey }),
    await startProxy(options, { kubeconfig: proxy }),
  ];
  await waitUntilReady(servers, () => containerdIsReady(folder), readyTimeout);
  await makePauseImage(folder, options.programs.pause);
  return servers;
}

async function startNames(
  options: NodeOptions,
  api: ControlPlane,
): Promise<{ server: BackgroundProcess; updater: DnsUpdater }> {
  const folder = join(options.folder, "dns");
  await mkdir(folder);
  await writeFile(join(folder, "hosts"), "");
  const server = await startDns(options, join(folder, "hosts"));
  // Before that SIGHUP would end it.
  await waitUntilReady([server], async () => (await server.logTail()).includes("started"), readyTimeout);
  const changed = (): void => server.signal("SIGHUP");
  return { server, updater: startDnsUpdater(api.request, { folder, domain: clusterDomain, changed }) };
}

async function makeKubelet(
  options: NodeOptions,
  api: ControlPlane,
): Promise<{ start: () => Promise<void>; stop: () => Promise<void>; processes: () => BackgroundProcess[] }> {
  const subject = `/O=system:nodes/CN=system:node:${nodeName}`;
  const kubeconfig = await makeKubeconfig(api, options.folder, "kubelet", subject);
  let kubelet: BackgroundProcess | undefined;
  return {
    start: async () => {
      if (!kubelet?.isRunning()) kubelet = await startKubelet(options, { kubeconfig, caFile: api.caFile });
    },
    stop: async () => kubelet?.kill(),
    processes: () => (kubelet === undefined ? [] : [kubelet]),
  };
}

async function makeKubeconfig(api: ControlPlane, folder: string, name: string, subject: string): Promise<string> {
  const client = await issueClientCertificate(api.folder, name, subject);
  const path = join(folder, `${name}.kubeconfig`);
  await writeKubeconfig(path, { url: api.url, caFile: api.caFile, client });
  return path;
}

function makeKubectl(api: ControlPlane): Cluster["kubectl"] {
  if (api.kubectl === undefined) throw new Error("kubectl is missing: run `bash scripts/setup.sh kubernetes`");
  const program = api.kubectl;
  return async (args, { input } = {}) => {
    const running = promisify(execFile)(program, [`--kubeconfig=${api.adminKubeconfig}`, ...args], {
      maxBuffer: 64 << 20,
    });
    running.child.stdin?.end(input);
    return (await running).stdout;
  };
}

async function containerdIsReady(folder: string): Promise<boolean> {
  try {
    await ctr(folder, ["version"]);
    return true;
  } catch {
    // Not yet. The caller gives up in time and shows containerd's own log.
    return false;
  }
}

/** A Pod can be made: the node takes it, and the controllers have made what each Pod of `default` gets. */
async function nodeIsReady(request: ControlPlane["request"]): Promise<boolean> {
  const node = await request("GET", `/api/v1/nodes/${nodeName}`);
  const conditions = (node.body as { status?: { conditions?: { type: string; status: string }[] } }).status?.conditions;
  const ready = conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  if (!ready) return false;
  const account = await request("GET", "/api/v1/namespaces/default/serviceaccounts/default");
  return account.status === 200;
}
