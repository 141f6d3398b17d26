import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { claimFreePorts } from "../../test/support/free-ports.ts";
import { type ApiClient, type ApiResponse, createApiClient } from "./api-client.ts";
import { type AuditEvent, auditPolicy, readAuditLog } from "./audit.ts";
import { makeCertificates } from "./certificates.ts";
import { cleanUpAtExit } from "./cleanup.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import type { BackgroundProcess } from "./processes.ts";
import { findControlPlanePrograms } from "./programs.ts";
import { startApiserver, startEtcd, waitUntilReady } from "./servers.ts";
import { makeServiceAccountToken, type ServiceAccountTokenOptions } from "./service-account-token.ts";

/** A Kubernetes API of our own: etcd and kube-apiserver, without kubelet, scheduler and controllers (see cluster.ts). */
export interface ControlPlane {
  /** Holds everything of this control plane; only this user may enter. */
  readonly folder: string;
  /** `https://127.0.0.1:PORT`, or another address of this machine that was asked for. */
  readonly url: string;
  readonly port: number;
  /** PEM certificate of the authority that signed the server's certificate. */
  readonly caFile: string;
  /** The key that ServiceAccount tokens are signed with, PEM. */
  readonly serviceAccountKey: string;
  /** Path of a kubeconfig of an administrator. Certificates are inside, so that a copy works anywhere. */
  readonly adminKubeconfig: string;
  /** Path of a matching kubectl; absent where KUBEBUILDER_ASSETS holds none. */
  readonly kubectl: string | undefined;
  /** Process ids of what runs now: etcd, and kube-apiserver unless it is stopped. */
  pids(): number[];
  /** Sends a request as administrator; see {@link ApiClient}. */
  readonly request: ApiClient["request"];
  /** Applies deploy/crd/slurmclusters.yaml and waits until the resource is served. Repeating it is harmless. */
  applyCrd(): Promise<void>;
  /** Does nothing when it exists already; `default` always does. */
  createNamespace(name: string): Promise<void>;
  /** See {@link makeServiceAccountToken}. */
  serviceAccountToken(namespace: string, name: string, options?: ServiceAccountTokenOptions): Promise<string>;
  /** Requests that were finished so far, in order, also those before a restart of kube-apiserver. */
  auditEvents(): Promise<AuditEvent[]>;
  /** Freezes kube-apiserver: from then on connections are accepted by the kernel and nothing answers. */
  pause(): Promise<void>;
  /** Ends {@link pause}. */
  resume(): void;
  /** Kills kube-apiserver: connections break and new ones are refused. etcd keeps the data. */
  stopApiserver(): Promise<void>;
  /** Starts kube-apiserver again, on the same port, and waits until it is ready. Does nothing when it runs. */
  startApiserver(): Promise<void>;
  /** Ends the programs and removes the folder. Repeating it is harmless. */
  stop(): Promise<void>;
}

/** What a control plane is to be like. */
export interface ControlPlaneOptions {
  /**
   * How long etcd and kube-apiserver together may take until /readyz answers, in milliseconds.
   *
   * @default 60_000
   */
  readonly readyTimeout?: number;
  /**
   * Numbers from 0 up to, not including, 1, that choose the port.
   *
   * @default Math.random
   */
  readonly random?: () => number;
  /**
   * An existing folder that only its owner may enter; it stays after the end.
   *
   * @default a fresh folder that is removed at the end
   */
  readonly folder?: string;
  /**
   * The address of this machine to listen on.
   *
   * @default "127.0.0.1"
   */
  readonly address?: string;
  /**
   * Addresses of Services, for a cluster in which Pods run; the first one becomes that of the API.
   *
   * @default none: Pods can be written, but nothing runs them
   */
  readonly services?: { readonly range: string; readonly firstAddress: string };
}

/**
 * Starts a control plane, usually in a fresh folder of the system's folder for temporary files, on a free port.
 * Any number can run side by side. Nothing is left when this process ends, even if {@link ControlPlane.stop} was not
 * called; if this process is killed with SIGKILL only the folder is left.
 *
 * @throws Error with the tail of the server's log when one does not become ready
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { random = Math.random } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnPort(await claimFreePorts(1, random), options);
    } catch (error) {
      // Somebody else took the port between our look and kube-apiserver's.
      if (attempt === 3 || !String(error).includes("address already in use")) throw error;
    }
  }
}

async function startOnPort(port: number, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { readyTimeout = 60_000, address = "127.0.0.1", services } = options;
  // A node's programs must be of the same version: those are always ours.
  const environment = services === undefined ? process.env : { ...process.env, KUBEBUILDER_ASSETS: "" };
  const programs = await findControlPlanePrograms(environment);
  // mkdtemp gives the folder mode 0700.
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "control-plane-")));
  const forgetCleanup = cleanUpAtExit(() => {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  let etcd: BackgroundProcess | undefined;
  let apiserver: BackgroundProcess | undefined;
  let admin: ApiClient | undefined;
  const stop = async (): Promise<void> => {
    admin?.close();
    await Promise.all([apiserver?.kill(), etcd?.kill()]);
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    forgetCleanup();
  };

  try {
    const serverAddresses = [...new Set(["127.0.0.1", address, ...(services ? [services.firstAddress] : [])])];
    const certificates = await makeCertificates(folder, serverAddresses);
    const adminFiles = { certificate: certificates.adminCertificate, key: certificates.adminKey };
    const cluster = services && { serviceRange: services.range, kubeletClient: adminFiles };
    await writeFile(join(folder, "audit-policy.yaml"), auditPolicy);
    etcd = await startEtcd(programs.etcd, folder);
    const etcdProcess = etcd;
    const url = `https://${address}:${port}`;
    const adminKubeconfig = join(folder, "admin.kubeconfig");
    await writeKubeconfig(adminKubeconfig, { url, caFile: certificates.caFile, client: adminFiles });
    const adminClient = createApiClient({
      url,
      ca: await readFile(certificates.caFile),
      credentials: {
        certificate: await readFile(certificates.adminCertificate),
        key: await readFile(certificates.adminKey),
      },
      userAgent: "control-plane-admin",
    });
    admin = adminClient;
    const { request } = adminClient;

    const start = async (): Promise<void> => {
      if (apiserver?.isRunning()) return;
      apiserver = await startApiserver({
        program: programs.kubeApiserver,
        ...{ folder, certificates, port, address, cluster },
      });
      await waitUntilReady([etcdProcess, apiserver], () => isReady(request), readyTimeout);
    };
    const createNamespace = async (name: string): Promise<void> => {
      const answer = await request("POST", "/api/v1/namespaces", { body: { metadata: { name } } });
      if (answer.status !== 201 && answer.status !== 409) throw unexpected(`create namespace ${name}`, answer);
    };
    await start();
    // kube-apiserver makes it too, but a moment after it is ready.
    await createNamespace("default");

    return {
      folder,
      url,
      port,
      caFile: certificates.caFile,
      serviceAccountKey: certificates.serviceAccountKey,
      adminKubeconfig,
      kubectl: programs.kubectl,
      pids: () => [etcdProcess, apiserver].flatMap((each) => (each?.isRunning() ? [each.pid] : [])),
      request,
      applyCrd: () => applyCrd(request),
      createNamespace,
      serviceAccountToken: (namespace, name, tokenOptions) =>
        makeServiceAccountToken(request, certificates.serviceAccountKey, { namespace, name }, tokenOptions),
      auditEvents: () => readAuditLog(join(folder, "audit.log")),
      pause: async () => apiserver?.pause(),
      resume: () => apiserver?.signal("SIGCONT"),
      stopApiserver: async () => apiserver?.kill(),
      startApiserver: start,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function isReady(request: ApiClient["request"]): Promise<boolean> {
  try {
    return (await request("GET", "/readyz")).status === 200;
  } catch {
    // Nobody listens yet. The caller gives up in time and shows the server's own log, which says more than this error.
    return false;
  }
}

async function applyCrd(request: ApiClient["request"]): Promise<void> {
  const name = "slurmclusters.kai.alibabacloud.com";
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  const applied = await request("PATCH", `${path}?fieldManager=control-plane&force=true`, {
    body: await readFile(join(import.meta.dirname, "../../deploy/crd/slurmclusters.yaml"), "utf8"),
    contentType: "application/apply-patch+yaml",
  });
  if (applied.status !== 200 && applied.status !== 201) throw unexpected(`apply ${name}`, applied);
  const deadline = performance.now() + 20_000;
  for (;;) {
    const served = await request("GET", "/apis/kai.alibabacloud.com/v1/slurmclusters?limit=1");
    if (served.status === 200) return;
    if (performance.now() > deadline) throw unexpected(`${name} is not served after 20 s`, served);
    await delay(50);
  }
}

function unexpected(what: string, answer: ApiResponse): Error {
  return new Error(`${what}: HTTP ${answer.status} ${JSON.stringify(answer.body)}`);
}
