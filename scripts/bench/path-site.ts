/** A whole system to run jobs on: Kubernetes with a kubelet, the operator in a Pod, and the SlurmCluster of deploy/manifests. */
import { waitFor } from "../../test/support/wait-for.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { installManifests, manifestCluster, replaceOnce } from "../cluster/install-manifests.ts";
import { buildImages } from "../images/build-images.ts";
import { openImageStore } from "../images/store.ts";
import type { Progress } from "../progress.ts";

/** Debian's suite that deploy/manifests are written for; with it goes the version of Slurm. */
const suite = "bookworm";

/** The head's Pod. */
const head = `${manifestCluster}-0`;

const slurmctldLog = "/var/log/slurmctld.log";

/**
 * What the manifest says, and what it says here: all nodes find room on this machine, and slurmctld tells when it wakes one. In its own
 * file each line has its time; to standard error it writes several at once, later.
 */
const changes: readonly (readonly [string, string])[] = [
  [
    "    # Power saving.\n",
    `    SlurmctldLogFile=${slurmctldLog}\n    SlurmctldDebug=verbose\n    DebugFlags=Power\n    # Power saving.\n`,
  ],
  ['              requests:\n                cpu: "1"\n', "              requests:\n                cpu: 10m\n"],
  ["                memory: 1Gi\n            volumeMounts", "                memory: 64Mi\n            volumeMounts"],
];

/** The system, ready for jobs. */
export interface PathSite {
  readonly api: Cluster["api"];
  /** Runs a command in a Pod as root; resolves to its standard output. */
  inPod(pod: string, ...command: readonly string[]): Promise<string>;
  inHead(...command: readonly string[]): Promise<string>;
  /** Lines behind `[2026-01-02T08:00:00.123]`, UTC. */
  slurmctldLog(): Promise<string>;
  stop(): Promise<void>;
}

/** Builds the images, which takes minutes the first time, and starts it; resolves when slurmctld and the copilot answer. */
export async function startPathSite(progress: Progress): Promise<PathSite> {
  const store = await openImageStore(process.env);
  const images = await buildImages(store, suite, progress);
  const started = await startCluster({ progress });
  const { kubectl, api, stop } = started;
  const inPod: PathSite["inPod"] = (pod, ...command) => kubectl(["exec", pod, "--", ...command]);
  try {
    for (const image of [images.operator, images.head, images.worker]) await started.loadImage(store, image);
    await installManifests(started, {
      both: (text) => text,
      cluster: (text) => changes.reduce((changed, [old, fresh]) => replaceOnce(changed, old, fresh), text),
    });
    const answers = async (): Promise<boolean> => {
      await inPod(head, "curl", "--silent", "--fail", "http://localhost:9810/readyz");
      return (await inPod(head, "scontrol", "ping")).includes("is UP");
    };
    await waitFor("slurmctld and the copilot", answers, (up) => up, 180_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    api,
    inPod,
    inHead: (...command) => inPod(head, ...command),
    slurmctldLog: () => inPod(head, "cat", slurmctldLog),
    stop,
  };
}
