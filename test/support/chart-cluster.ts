import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { runHelm } from "../../scripts/charts/helm.ts";
import { helmProgram } from "./helm.ts";
import { type ClusterObject, watchForChanges } from "./stand-in-api.ts";
import { headOf, startLoadedCluster, type TrialCluster, untilSlurmctldAnswers } from "./trial-cluster.ts";
import { waitFor } from "./wait-for.ts";

/** Longest wait for anything in such a cluster, in milliseconds: machines are slow, and Slurm and Kubernetes have clocks of their own. */
export const patience = 300_000;

/** A {@link TrialCluster} that was installed by the charts. */
export interface ChartCluster extends TrialCluster {
  /** The release's name, and the SlurmCluster's. */
  readonly name: string;
  /** Runs helm against the cluster. */
  readonly helm: (...args: readonly string[]) => Promise<string>;
  /** `helm upgrade` of the SlurmCluster; `values` are merged over those of the installation, without what earlier upgrades said. */
  readonly upgrade: (values: object) => Promise<void>;
  /** Names of the worker Pods that are there, those on their way out too, in alphabetical order. */
  readonly workerPods: () => Promise<readonly string[]>;
  /** Waits until these worker Pods are there and no others; names in alphabetical order. */
  readonly untilWorkers: (...names: readonly string[]) => Promise<void>;
  /** UID of a Pod, which another Pod of the same name does not have. @throws Error when there is no such Pod */
  readonly podUid: (name: string) => Promise<string>;
  /** Calls `changed` with each version of the SlurmCluster, also those that pass quickly, until the returned function is called. */
  readonly watchResource: (changed: (version: ClusterObject) => void) => () => void;
}

const charts = join(import.meta.dirname, "../../deploy/charts");

/** The charts' defaults, but quick to park and small; times in seconds. */
const quickValues = {
  workerGroups: [{ name: "cpu", maxNodes: 4, cpus: 1, memory: "1Gi", requests: { cpu: "10m", memory: "64Mi" } }],
  head: { resources: { requests: { cpu: "10m" } } },
  worker: { terminationGracePeriodSeconds: 5 },
  slurm: { suspendTime: 15, suspendTimeout: 40 },
};

/**
 * Installs operator and SlurmCluster by helm, with the images under test; resolves when slurmctld answers. End it with
 * `cluster.stop()`. Only within `describeHelmCluster`.
 *
 * @param values those of the chart slurm-cluster; merged, as helm does, over {@link quickValues}
 * @param images names of images that the values want besides those of operator, head and worker
 */
export async function startChartCluster(
  name: string,
  values: object = {},
  images: readonly string[] = [],
): Promise<ChartCluster> {
  let revision = 0;
  const suite = inject("suite");
  let helm: ChartCluster["helm"] = () => Promise.reject(new Error("there is no cluster yet"));
  /** The options of helm that give these values: one file for each, of which later ones win. */
  const valueFiles = async (folder: string, ...layers: readonly object[]): Promise<string[]> => {
    const files = layers.map((_, position) => join(folder, `values-${revision}-${position}.json`));
    revision += 1;
    for (const [position, layer] of layers.entries()) await writeFile(files[position] ?? "", JSON.stringify(layer));
    return files.flatMap((file) => ["--values", file]);
  };
  const clusterChart = join(charts, "slurm-cluster");
  const cluster = await startLoadedCluster(async (started) => {
    helm = (...args) => runHelm(helmProgram, args, { KUBECONFIG: started.api.adminKubeconfig });
    await helm("install", "slurm-operator", join(charts, "slurm-operator"), `--set=image.tag=${suite}`);
    const options = await valueFiles(started.folder, quickValues, { suite }, values);
    await helm("install", name, clusterChart, ...options);
    await untilSlurmctldAnswers(started, name);
  }, images);
  const workerPods: ChartCluster["workerPods"] = async () => {
    const selector = `kai.alibabacloud.com/slurm-cluster=${name},kai.alibabacloud.com/slurm-node-type=worker`;
    const names = await cluster.kubectl(["get", "pods", `--selector=${selector}`, "--output=name"]);
    return names
      .split("\n")
      .filter(Boolean)
      .map((line) => line.replace("pod/", ""))
      .sort();
  };
  return {
    name,
    cluster,
    ...headOf(cluster, name),
    helm,
    upgrade: async (changed) => {
      await helm(
        "upgrade",
        name,
        clusterChart,
        ...(await valueFiles(cluster.folder, quickValues, { suite }, values, changed)),
      );
    },
    workerPods,
    untilWorkers: async (...names) => {
      await waitFor(`the workers ${names.join()}`, workerPods, (pods) => pods.join() === names.join(), patience);
    },
    podUid: (pod) => cluster.kubectl(["get", "pod", pod, "--output=jsonpath={.metadata.uid}"]),
    watchResource: (changed) => {
      const path = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";
      return watchForChanges(cluster.api, path, { fieldSelector: `metadata.name=${name}` }, (object) => {
        if (object !== undefined) changed(object as ClusterObject);
      });
    },
  };
}
