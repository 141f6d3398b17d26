import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { WorkerGroupSpec } from "../../src/kubernetes/slurm-cluster.ts";
import { type ClusterResource, createClusterResource } from "./cluster-resource.ts";
import { createPod } from "./pod.ts";
import { type Pod, podFiles } from "./pod-namespace.ts";

/** A SlurmCluster on a real kube-apiserver, and the head Pod's view of it with the documented Role's token. */
export interface ClusterFixture extends ClusterResource {
  readonly pod: Pod;
}

/** Makes a SlurmCluster with these groups in namespace default. `port` is where its Pod finds the API, a proxy perhaps. */
export async function createClusterFixture(
  controlPlane: ControlPlane,
  name: string,
  groups: readonly WorkerGroupSpec[],
  options: { readonly port?: number; readonly spec?: object } = {},
): Promise<ClusterFixture> {
  const resource = await createClusterResource(controlPlane, name, groups, options.spec);
  const { caFile } = controlPlane;
  const { token } = resource;
  const port = options.port ?? controlPlane.port;
  const pod = await createPod(await podFiles({ namespace: "default", cluster: name, token, caFile, port }));
  return { ...resource, pod };
}
