import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments, visit } from "yaml";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";

const kinds: Readonly<Record<string, string>> = {
  ServiceAccount: "/api/v1/namespaces/{namespace}/serviceaccounts",
  Role: "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
  RoleBinding: "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
};

/** For whom a manifest is applied. */
interface RoleTarget {
  readonly namespace: string;
  readonly cluster: string;
}

/**
 * Applies deploy/rbac/agent.yaml, for another cluster than the one named there: ServiceAccount, Role and RoleBinding then
 * have that cluster's name. Repeating it is harmless.
 *
 * @throws Error when the manifest holds something unknown here, or the server refuses it
 */
export function applyAgentRole(controlPlane: Pick<ControlPlane, "request">, target: RoleTarget): Promise<void> {
  return applyManifest(controlPlane, "deploy/rbac/agent.yaml", target);
}

/** The same with deploy/rbac/copilot.yaml, which adds a second Role for that ServiceAccount. */
export function applyCopilotRole(controlPlane: Pick<ControlPlane, "request">, target: RoleTarget): Promise<void> {
  return applyManifest(controlPlane, "deploy/rbac/copilot.yaml", target);
}

async function applyManifest(
  controlPlane: Pick<ControlPlane, "request">,
  file: string,
  target: RoleTarget,
): Promise<void> {
  const manifest = await readFile(join(import.meta.dirname, "../..", file), "utf8");
  for (const document of parseAllDocuments(manifest)) {
    visit(document, {
      Scalar: (key, node) => {
        // Keys of maps are never names of a cluster or a namespace.
        if (key === "key") return;
        if (node.value === "slurm-demo") node.value = target.cluster;
        if (node.value === "slurm-demo-copilot") node.value = `${target.cluster}-copilot`;
        if (node.value === "default") node.value = target.namespace;
      },
    });
    const path = kinds[String(document.get("kind"))];
    if (path === undefined) throw new Error(`${file} holds an unknown ${document.get("kind")}`);
    const name = String(document.getIn(["metadata", "name"]));
    const url = `${path.replace("{namespace}", target.namespace)}/${name}?fieldManager=tests&force=true`;
    const answer = await controlPlane.request("PATCH", url, {
      body: document.toString(),
      contentType: "application/apply-patch+yaml",
    });
    if (answer.status !== 200 && answer.status !== 201) {
      throw new Error(`cannot apply ${url}: HTTP ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }
}
