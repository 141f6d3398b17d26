import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { SlurmCluster, WorkerGroupSpec } from "../../src/kubernetes/slurm-cluster.ts";
import { applyAgentRole } from "./agent-role.ts";
import { call } from "./stand-in-api.ts";
import { waitFor } from "./wait-for.ts";

/** A SlurmCluster in namespace default of a real kube-apiserver, and who may work on it: the documented Role's ServiceAccount. */
export interface ClusterResource {
  readonly name: string;
  /** Bearer token of the ServiceAccount. */
  readonly token: string;
  /** The resource as it is now. */
  read(): Promise<SlurmCluster>;
  /** Its worker groups by name. */
  groups(): Promise<Record<string, WorkerGroupSpec>>;
  /** Merges a status, as an operator would. */
  writeStatus(status: object): Promise<void>;
  /** Sends a JSON patch as administrator. */
  patch(patch: readonly object[]): Promise<void>;
}

const collection = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";

/** Makes a SlurmCluster with these groups, and the Role for it. `spec` holds further fields of its specification. */
export async function createClusterResource(
  controlPlane: ControlPlane,
  name: string,
  groups: readonly WorkerGroupSpec[],
  spec: object = {},
): Promise<ClusterResource> {
  const { request } = controlPlane;
  const body = {
    apiVersion: "kai.alibabacloud.com/v1",
    kind: "SlurmCluster",
    metadata: { name },
    spec: { ...spec, workerGroupSpecs: groups },
  };
  await call(request, [201], "POST", collection, { body });
  await applyAgentRole(controlPlane, { namespace: "default", cluster: name });
  const token = await controlPlane.serviceAccountToken("default", name);
  const path = `${collection}/${name}`;
  const read = () => call<SlurmCluster>(request, [200], "GET", path);
  // A busy kube-apiserver takes seconds to see a new Role, longer than the programs doubt a 403.
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: `system:serviceaccount:default:${name}`,
      resourceAttributes: {
        namespace: "default",
        verb: "patch",
        group: "kai.alibabacloud.com",
        resource: "slurmclusters",
        name,
      },
    },
  };
  await waitFor(
    `the Role of ${name}`,
    () =>
      call<{ status: { allowed: boolean } }>(
        request,
        [201],
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        { body: review },
      ),
    ({ status }) => status.allowed,
    60_000,
  );
  return {
    name,
    token,
    read,
    groups: async () => {
      const specs = (await read()).spec.workerGroupSpecs ?? [];
      return Object.fromEntries(specs.map((group) => [group.groupName, group]));
    },
    writeStatus: async (status) => {
      const contentType = "application/merge-patch+json";
      await call(request, [200], "PATCH", `${path}/status`, { body: { status }, contentType });
    },
    patch: async (patch) => {
      await call(request, [200], "PATCH", path, { body: patch, contentType: "application/json-patch+json" });
    },
  };
}
