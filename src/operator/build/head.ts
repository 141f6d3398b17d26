/** The head: a StatefulSet of one, so that its Pod has a fixed name and there are never two. */
import { labels } from "../names.ts";
import type { OperatedCluster } from "../operated-cluster.ts";
import { childMetadata, type Manifest } from "./manifest.ts";
import { type BuildContext, buildPod, type PodOwner } from "./pod.ts";
import { withStatedDefaults } from "./stated-defaults.ts";

/** Builds the head. */
export function buildHead(
  owner: PodOwner,
  head: NonNullable<OperatedCluster["head"]>,
  context: BuildContext,
): Manifest {
  const selector = { [labels.cluster]: owner.name, [labels.nodeType]: "head" };
  const template = buildPod(
    owner,
    {
      type: "head",
      template: head.template,
      containerName: "slurmctld",
      initBash: head.initBash,
      defaults: { serviceAccountName: owner.name },
    },
    context,
  );
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: childMetadata(owner, owner.name, selector),
    spec: {
      serviceName: owner.name,
      replicas: head.replicas,
      selector: { matchLabels: selector },
      updateStrategy: { type: "RollingUpdate" },
      // With the default, OrderedReady, a head that does not become ready is not replaced when its template is mended.
      podManagementPolicy: "Parallel",
      template: withStatedDefaults(template),
    },
  };
}
