/** A site to measure the copilot on: a real slurmctld with cloud nodes, and their Pods as objects of a real kube-apiserver. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { applyCopilotRole } from "../../test/support/agent-role.ts";
import { createClusterResource } from "../../test/support/cluster-resource.ts";
import { type Slurm, startSlurm } from "../../test/support/slurm.ts";
import { findUser } from "../../test/support/slurm-place.ts";
import { call } from "../../test/support/stand-in-api.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { agentKubeconfig } from "../../test/support/whole-system.ts";
import type { ControlPlane } from "../cluster/control-plane.ts";
import { type ByteCounter, startByteCounter } from "./byte-counter.ts";

/** How large, and where the programs are. */
export interface SiteOptions {
  readonly controlPlane: ControlPlane;
  readonly installation: string;
  readonly cluster: string;
  /** Cloud nodes of slurmctld, {@link UP} of which run a slurmd. */
  readonly nodes: number;
  /** Pods: those of the nodes that run a slurmd, and of others that are powering up. */
  readonly pods: number;
}

/** How many nodes really run. */
const UP = 3;

/** A site in a steady state, and a copilot that runs there. */
export interface Site {
  readonly slurm: Slurm;
  readonly pid: number;
  /** Names of the nodes that run a slurmd. */
  readonly up: readonly string[];
  /** Arguments of each call of scontrol so far. */
  scontrolCalls(): Promise<string[]>;
  readonly traffic: ByteCounter;
  /** Merges a status into a Pod's. */
  writePodStatus(name: string, status: object): Promise<void>;
  /** The name of a worker that is powering up, with a Pod. */
  readonly starting: string;
  stop(): Promise<void>;
}

const podsPath = "/api/v1/namespaces/default/pods";

/** Starts it, and waits until the copilot has done its first rounds. */
export async function startSite(options: SiteOptions): Promise<Site> {
  const { controlPlane, installation, cluster, nodes, pods } = options;
  const [starting, others] = [pods - UP, nodes - UP];
  const indexes = (count: number) => Array.from({ length: count }, (_, index) => index);
  const resource = await createClusterResource(controlPlane, cluster, [
    { groupName: "cpu", replicas: UP, podsToBeCreated: indexes(UP) },
    { groupName: "gpu", replicas: starting, podsToBeCreated: indexes(starting) },
  ]);
  await applyCopilotRole(controlPlane, { namespace: "default", cluster });
  const traffic = await startByteCounter(controlPlane.port);
  const slurm = await startSlurm({
    clusterName: cluster,
    groups: { cpu: UP },
    programs: { resume: "/bin/true", suspend: "/bin/true" },
    resumeTimeout: 3600,
    // They never run, and so need no ports of their own.
    extraLines: [`NodeName=${cluster}-worker-gpu-[0-${others - 1}] CPUs=1 State=CLOUD Feature=cloud`],
  });
  let copilot: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (copilot?.exitCode === null) {
      copilot.kill("SIGKILL");
      await once(copilot, "exit");
    }
    traffic.stop();
    await slurm.stop();
    await call(controlPlane.request, [200], "DELETE", `${podsPath}?gracePeriodSeconds=0`);
  };
  try {
    const up = indexes(UP).map((index) => `${cluster}-worker-cpu-${index}`);
    const names = [...up, ...indexes(starting).map((index) => `${cluster}-worker-gpu-${index}`)];
    await inTurns(names, 20, (name) => createPod(controlPlane, cluster, name));
    await slurm.scontrol("update", `NodeName=${cluster}-worker-gpu-[0-${starting - 1}]`, "State=POWER_UP");
    for (const name of up) {
      await slurm.scontrol("update", `NodeName=${name}`, "State=POWER_UP");
      await slurm.waitForNode(name, "to power up", ({ state }) => state.has("POWERING_UP"), 30_000);
      await slurm.startSlurmd(name);
      await slurm.waitForNode(name, "to be up", ({ state }) => !state.has("POWERING_UP"), 60_000);
    }
    const calls = join(slurm.folder, "log", "scontrol-calls");
    await prepareCopilot(options, slurm, { token: resource.token, port: traffic.port, calls });
    copilot = spawn(join(installation, "slurmctld-copilot"), [], {
      env: { SLURM_CONF: slurm.confFile },
      ...(await findUser("slurm")),
      stdio: "ignore",
    });
    const scontrolCalls = async () => (await readFile(calls, "utf8")).split("\n").filter(Boolean);
    const rounds = (made: readonly string[]) => made.filter((call) => call.endsWith("show node")).length;
    await waitFor("the first rounds", scontrolCalls, (made) => rounds(made) >= 2, 60_000);
    const writePodStatus = async (name: string, status: object): Promise<void> => {
      const contentType = "application/merge-patch+json";
      await call(controlPlane.request, [200], "PATCH", `${podsPath}/${name}/status`, { body: { status }, contentType });
    };
    const pid = copilot.pid as number;
    return { slurm, pid, up, scontrolCalls, traffic, writePodStatus, starting: `${cluster}-worker-gpu-0`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Settings, a kubeconfig that leads through the counter of bytes, and a scontrol that writes down each call. */
async function prepareCopilot(
  { controlPlane, cluster }: SiteOptions,
  { folder }: Slurm,
  { token, port, calls }: { readonly token: string; readonly port: number; readonly calls: string },
): Promise<void> {
  const { uid, gid } = await findUser("slurm");
  const kubeconfig = join(folder, "kubeconfig");
  const api = { url: `https://127.0.0.1:${port}`, caFile: controlPlane.caFile };
  await writeFile(kubeconfig, await agentKubeconfig(api, token), { mode: 0o600 });
  await writeFile(calls, "");
  for (const file of [kubeconfig, calls]) await chown(file, uid, gid);
  const scontrol = join(folder, "scontrol");
  await writeFile(scontrol, `#!/bin/sh\necho "$*" >>${calls}\nexec /usr/bin/scontrol "$@"\n`);
  await chmod(scontrol, 0o755);
  const settings = {
    ...{ namespace: "default", cluster, kubeconfig, scontrol, metricsPort: 0 },
    resumeLog: join(folder, "log/resume.log"),
    copilotSocket: join(folder, "log/copilot.sock"),
  };
  await writeFile(join(folder, "power-agent.yaml"), stringify(settings));
}

/** Makes a Pod of 10 kB, as many as Pods have, on a node without a kubelet. */
async function createPod({ request }: ControlPlane, cluster: string, name: string): Promise<void> {
  const labels = { "kai.alibabacloud.com/slurm-cluster": cluster, "kai.alibabacloud.com/slurm-node-type": "worker" };
  const environment = Array.from({ length: 60 }, (_, index) => ({ name: `VARIABLE_${index}`, value: "x".repeat(100) }));
  const spec = { nodeName: "nowhere", containers: [{ name: "slurmd", image: "slurm-worker", env: environment }] };
  await call(request, [201], "POST", podsPath, { body: { metadata: { name, labels }, spec } });
}

async function inTurns<T>(items: readonly T[], width: number, act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
