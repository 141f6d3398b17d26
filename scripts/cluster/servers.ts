import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Certificates, ClientCertificate } from "./certificates.ts";
import { type BackgroundProcess, startProcess } from "./processes.ts";

// etcd listens on Unix sockets in its working folder, which no other user can reach and which cannot clash with another
// etcd. The URLs must have the form host:port all the same; the socket's file name is what follows the slashes.
const etcdClients = "unix://localhost:1";
const etcdPeers = "unix://localhost:2";

/** Issuer and audience of ServiceAccount tokens, as in most clusters. */
const tokenIssuer = "https://kubernetes.default.svc";

/** Starts etcd in `folder`, where it keeps its data, its sockets and etcd.log. */
export function startEtcd(program: string, folder: string): Promise<BackgroundProcess> {
  return startProcess({
    name: "etcd",
    program,
    folder,
    logFile: join(folder, "etcd.log"),
    args: [
      "--name=etcd",
      `--data-dir=${join(folder, "etcd")}`,
      `--listen-client-urls=${etcdClients}`,
      `--advertise-client-urls=${etcdClients}`,
      `--listen-peer-urls=${etcdPeers}`,
      `--initial-advertise-peer-urls=${etcdPeers}`,
      `--initial-cluster=etcd=${etcdPeers}`,
      // The data lives as long as a test: safety against a power failure would only cost time.
      "--unsafe-no-fsync",
    ],
  });
}

/** Where kube-apiserver finds its things. */
export interface ApiserverOptions {
  readonly program: string;
  /** The folder of {@link startEtcd}; kube-apiserver.log and audit.log go there, audit-policy.yaml is there. */
  readonly folder: string;
  readonly certificates: Certificates;
  readonly port: number;
  /** The only address that it listens on. */
  readonly address: string;
  /** Absent where there is an API alone: Pods are only read and written, and never run. */
  readonly cluster: ClusterOptions | undefined;
}

/** What kube-apiserver has to know where Pods run. */
interface ClusterOptions {
  /** Addresses of Services, e.g. `10.96.0.0/16`. */
  readonly serviceRange: string;
  /** A client certificate that the kubelet lets do everything, for `kubectl exec` and `kubectl logs`. */
  readonly kubeletClient: ClientCertificate;
}

/** Starts kube-apiserver. */
export function startApiserver(options: ApiserverOptions): Promise<BackgroundProcess> {
  const { program, folder, certificates, port, address, cluster } = options;
  return startProcess({
    name: "kube-apiserver",
    program,
    folder,
    logFile: join(folder, "kube-apiserver.log"),
    args: [
      `--etcd-servers=${etcdClients}`,
      `--secure-port=${port}`,
      `--bind-address=${address}`,
      // Without it a machine without a default route is refused.
      `--advertise-address=${address}`,
      ...(cluster === undefined ? apiAloneArguments : clusterArguments(cluster)),
      `--client-ca-file=${certificates.caFile}`,
      `--tls-cert-file=${certificates.serverCertificate}`,
      `--tls-private-key-file=${certificates.serverKey}`,
      `--service-account-issuer=${tokenIssuer}`,
      `--service-account-signing-key-file=${certificates.serviceAccountKey}`,
      `--service-account-key-file=${certificates.serviceAccountKey}`,
      `--api-audiences=${tokenIssuer}`,
      "--authorization-mode=Node,RBAC",
      `--audit-policy-file=${join(folder, "audit-policy.yaml")}`,
      `--audit-log-path=${join(folder, "audit.log")}`,
    ],
  });
}

const apiAloneArguments = [
  // The Service `kubernetes` must not lead to a loopback address, and nothing here uses it.
  "--endpoint-reconciler-type=none",
  "--service-cluster-ip-range=10.96.0.0/16",
  // Would refuse every Pod: no controller makes the namespaces' default ServiceAccount and its Secret.
  "--disable-admission-plugins=ServiceAccount",
];

/** Tokens that belong to their Pod and expire, as clusters have them since Kubernetes 1.21; in 1.20 they are an option. */
export const boundTokens = "--feature-gates=BoundServiceAccountTokenVolume=true";

function clusterArguments({ serviceRange, kubeletClient }: ClusterOptions): string[] {
  return [
    `--service-cluster-ip-range=${serviceRange}`,
    `--kubelet-client-certificate=${kubeletClient.certificate}`,
    `--kubelet-client-key=${kubeletClient.key}`,
    // The node's name is in no DNS.
    "--kubelet-preferred-address-types=InternalIP",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged",
    boundTokens,
  ];
}

/**
 * Waits until `isReady` says so, asking every 50 ms, as long as all the programs run.
 *
 * @param timeout in milliseconds
 * @throws Error with the tails of the logs when a program ends or the time is over
 */
export async function waitUntilReady(
  servers: readonly BackgroundProcess[],
  isReady: () => Promise<boolean>,
  timeout: number,
): Promise<void> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const timeLeft = deadline - performance.now();
    // Not only isReady: its answer may never come, when another program listens where kube-apiserver wanted to.
    const answer = await Promise.race([
      isReady(),
      ...servers.map((server) => server.ended),
      delay(timeLeft, undefined, { ref: false }),
    ]);
    const ended = servers.filter((server) => !server.isRunning());
    if (ended.length > 0) throw new Error(await describe("ended while starting", ended));
    if (answer === true) return;
    if (performance.now() >= deadline) throw new Error(await describe(`not ready after ${timeout} ms`, servers));
    await delay(50);
  }
}

async function describe(problem: string, servers: readonly BackgroundProcess[]): Promise<string> {
  const logs = await Promise.all(servers.map(async (each) => `--- log of ${each.name}\n${await each.logTail()}`));
  return [`${servers.map((each) => each.name).join(" and ")} ${problem}`, ...logs].join("\n");
}
