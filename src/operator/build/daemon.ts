/** slurmdbd and slurmrestd in Pods of their own. */
import { childName, labels } from "../names.ts";
import type { OperatedDaemon } from "../operated-cluster.ts";
import { childMetadata, type Manifest } from "./manifest.ts";
import { type BuildContext, buildPod, type PodOwner } from "./pod.ts";
import { withStatedDefaults } from "./stated-defaults.ts";

/** Builds the Deployment of a daemon. A command that its template gives is left alone. */
export function buildDaemon(
  owner: PodOwner,
  type: "slurmdbd" | "slurmrestd",
  { initBash, replicas, template }: OperatedDaemon,
  context: BuildContext,
): Manifest {
  const name = childName(owner.name, type);
  const selector = { [labels.cluster]: owner.name, [labels.nodeType]: type };
  const parts = {
    type,
    template,
    containerName: type,
    initBash,
    keepCommand: true,
    defaults: { automountServiceAccountToken: false },
    // slurmdbd refuses to run where it is not called what DbdHost says.
    fixed: { hostname: name },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: childMetadata(owner, name, selector),
    spec: {
      replicas,
      selector: { matchLabels: selector },
      // Two slurmdbd must not write one database.
      strategy: { type: type === "slurmdbd" ? "Recreate" : "RollingUpdate" },
      template: withStatedDefaults(buildPod(owner, parts, context)),
    },
  };
}
