import { inject } from "vitest";
import { type Cluster, startCluster } from "../../scripts/cluster/cluster.ts";
import { installManifests, manifestCluster, replaceOnce } from "../../scripts/cluster/install-manifests.ts";
import { openImageStore } from "../../scripts/images/store.ts";
import { createProgress } from "../../scripts/progress.ts";
import { waitFor } from "./wait-for.ts";

/** A whole system as a site has it: Kubernetes with a kubelet, the operator in a Pod, and a SlurmCluster. */
export interface TrialCluster extends Head {
  readonly cluster: Cluster;
}

/** A way into the head's Pod. */
interface Head {
  /** Runs a command in the head as root; resolves to its standard output. */
  readonly inHead: (...command: string[]) => Promise<string>;
  /** Writes a file in the head. */
  readonly writeInHead: (path: string, content: string) => Promise<void>;
}

/** Seconds of idleness, and seconds for the way down, instead of the ten minutes of the manifests. */
const quickSettings = { SuspendTime: 15, SuspendTimeout: 40 };

/**
 * Starts `slurm-demo` with the plain manifests of deploy/manifests, with the images under test and {@link quickSettings}; resolves
 * when slurmctld answers. End it with `cluster.stop()`.
 */
export async function startTrialCluster(): Promise<TrialCluster> {
  const cluster = await startLoadedCluster(install);
  return { cluster, ...headOf(cluster, manifestCluster) };
}

/**
 * Starts a Kubernetes that has the images under test, and installs something there; when that fails nothing is left.
 *
 * @param more names of images that it gets besides those of operator, head and worker
 */
export async function startLoadedCluster(
  installInto: (cluster: Cluster) => Promise<void>,
  more: readonly string[] = [],
): Promise<Cluster> {
  const cluster = await startCluster({ progress: createProgress("cluster", (line) => process.stderr.write(line)) });
  try {
    const images = inject("images");
    const store = await openImageStore(process.env);
    for (const image of [images.operator, images.head, images.worker, ...more]) await cluster.loadImage(store, image);
    await installInto(cluster);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** The head's Pod of the SlurmCluster `name`, in namespace default. */
export function headOf(cluster: Cluster, name: string): Head {
  const exec = ["exec", "--stdin", `${name}-0`, "--"];
  return {
    inHead: (...command) => cluster.kubectl([...exec, ...command]),
    writeInHead: async (path, content) => {
      await cluster.kubectl([...exec, "tee", path], { input: content });
    },
  };
}

/** Waits until slurmctld of the SlurmCluster `name` answers. */
export async function untilSlurmctldAnswers(cluster: Cluster, name: string): Promise<void> {
  await waitFor(
    "slurmctld",
    () => headOf(cluster, name).inHead("scontrol", "ping"),
    (answer) => answer.includes("is UP"),
    300_000,
  );
}

async function install(cluster: Cluster): Promise<void> {
  await installManifests(cluster, {
    both: (text) => text.replaceAll(":bookworm", `:${inject("suite")}`),
    cluster: (text) =>
      Object.entries(quickSettings).reduce(
        (settings, [name, seconds]) => replaceOnce(settings, new RegExp(`\\b${name}=\\d+`), `${name}=${seconds}`),
        text,
      ),
  });
  await untilSlurmctldAnswers(cluster, manifestCluster);
}
