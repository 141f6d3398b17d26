import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { BackgroundProcess } from "./processes.ts";
import type { NodePrograms } from "./programs.ts";
import type { Sandbox } from "./sandbox.ts";
import { boundTokens } from "./servers.ts";

/** The cluster's only node. */
export const nodeName = "node";

/** The cluster's DNS domain. */
export const clusterDomain = "cluster.local";

/** The image of every Pod's first container; made of the program `pause`. */
export const pauseImage = "localhost/pause:1";

/** What the programs of a node share. */
export interface NodeOptions {
  readonly sandbox: Sandbox;
  readonly programs: NodePrograms;
  /** Outside of /run, /tmp, /var/lib and /var/log, which the sandbox has of its own. Logs go there too. */
  readonly folder: string;
}

/** containerd's socket. */
export function containerdSocket(folder: string): string {
  return join(folder, "containerd.sock");
}

/** Starts containerd, which makes Pods' network with the bridge plugin. */
export async function startContainerd({ sandbox, folder }: NodeOptions): Promise<BackgroundProcess> {
  const networks = join(folder, "cni");
  await mkdir(networks, { recursive: true });
  const bridge = {
    type: "bridge",
    bridge: "pods",
    isGateway: true,
    // A Pod may reach itself through its Service.
    hairpinMode: true,
    ipam: { type: "host-local", ranges: [[{ subnet: sandbox.podRange }]], routes: [{ dst: "0.0.0.0/0" }] },
  };
  await writeFile(
    join(networks, "pods.conflist"),
    JSON.stringify({ cniVersion: "0.4.0", name: "pods", plugins: [bridge] }),
  );
  const configuration = `version = 2
root = "${join(folder, "containerd")}"
state = "/run/containerd"
[grpc]
  address = "${containerdSocket(folder)}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(folder, "containerd/opt")}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Containers cannot be made less killable than this process is.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${networks}"
`;
  await writeFile(join(folder, "containerd.toml"), configuration);
  return await sandbox.start({
    name: "containerd",
    program: "/usr/bin/containerd",
    args: ["--config", join(folder, "containerd.toml")],
    folder,
    logFile: join(folder, "containerd.log"),
  });
}

/** Starts the kubelet. It registers the node, and makes the control groups of Pods in the one named like the sandbox. */
export async function startKubelet(
  { sandbox, programs, folder }: NodeOptions,
  { kubeconfig, caFile }: { readonly kubeconfig: string; readonly caFile: string },
): Promise<BackgroundProcess> {
  await writeFile(join(folder, "resolv.conf"), "");
  const configuration = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: caFile } },
    authorization: { mode: "Webhook" },
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${sandbox.name}`,
    enforceNodeAllocatable: ["pods"],
    failSwapOn: false,
    clusterDNS: [sandbox.address],
    clusterDomain,
    resolvConf: join(folder, "resolv.conf"),
    maxPods: 1000,
    volumePluginDir: join(folder, "volume-plugins"),
    // The disk is the machine's, and full or not for its own reasons.
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    // Soon ready after the start: by default the kubelet looks only every 10 s whether it is.
    nodeStatusUpdateFrequency: "1s",
    featureGates: { BoundServiceAccountTokenVolume: true },
  };
  await writeFile(join(folder, "kubelet.yaml"), stringify(configuration));
  return await sandbox.start({
    name: "kubelet",
    program: programs.kubelet,
    args: [
      `--config=${join(folder, "kubelet.yaml")}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${join(folder, "kubelet")}`,
      "--container-runtime=remote",
      `--container-runtime-endpoint=unix://${containerdSocket(folder)}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${sandbox.address}`,
    ],
    folder,
    logFile: join(folder, "kubelet.log"),
  });
}

/** Starts kube-proxy: iptables rules lead from Services to Pods. */
export function startProxy(
  { sandbox, programs, folder }: NodeOptions,
  { kubeconfig }: { readonly kubeconfig: string },
): Promise<BackgroundProcess> {
  return sandbox.start({
    name: "kube-proxy",
    program: programs.kubeProxy,
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${nodeName}`,
      `--cluster-cidr=${sandbox.podRange}`,
      "--proxy-mode=iptables",
      // The size of the kernel's table of connections is the machine's.
      "--conntrack-max-per-core=0",
    ],
    folder,
    logFile: join(folder, "kube-proxy.log"),
  });
}

/** Starts kube-controller-manager in the sandbox, because it makes the folders of volumes, in /tmp. */
export function startControllerManager(
  { sandbox, programs, folder }: NodeOptions,
  files: { readonly kubeconfig: string; readonly caFile: string; readonly serviceAccountKey: string },
): Promise<BackgroundProcess> {
  return sandbox.start({
    name: "kube-controller-manager",
    program: programs.kubeControllerManager,
    args: [
      `--kubeconfig=${files.kubeconfig}`,
      `--service-account-private-key-file=${files.serviceAccountKey}`,
      `--root-ca-file=${files.caFile}`,
      "--use-service-account-credentials",
      "--leader-elect=false",
      "--enable-hostpath-provisioner",
      boundTokens,
    ],
    folder,
    logFile: join(folder, "kube-controller-manager.log"),
  });
}

/** Starts kube-scheduler. */
export function startScheduler(
  { sandbox, programs, folder }: NodeOptions,
  { kubeconfig }: { readonly kubeconfig: string },
): Promise<BackgroundProcess> {
  return sandbox.start({
    name: "kube-scheduler",
    program: programs.kubeScheduler,
    args: [`--kubeconfig=${kubeconfig}`, "--leader-elect=false"],
    folder,
    logFile: join(folder, "kube-scheduler.log"),
  });
}

/** Starts dnsmasq, which gives the names in the hosts files of `hosts`, and reads them again when it gets SIGHUP. */
export function startDns({ sandbox, folder }: NodeOptions, hosts: string): Promise<BackgroundProcess> {
  return sandbox.start({
    name: "dnsmasq",
    program: "/usr/sbin/dnsmasq",
    args: [
      ...["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--log-facility=-", "--user=root"],
      ...["--no-resolv", "--no-hosts", `--addn-hosts=${hosts}`, `--local=/${clusterDomain}/`, "--cache-size=0"],
      ...[`--listen-address=${sandbox.address}`, "--bind-interfaces"],
    ],
    folder,
    logFile: join(folder, "dnsmasq.log"),
  });
}
