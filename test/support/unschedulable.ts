import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { call } from "./stand-in-api.ts";

/** Says of a Pod in namespace default what kube-scheduler does when no node has room for it. */
export async function markUnschedulable({ request }: Pick<ControlPlane, "request">, pod: string): Promise<void> {
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message: "0/3 nodes are available: 3 Insufficient cpu.",
    lastTransitionTime: new Date().toISOString(),
  };
  await call(request, [200], "PATCH", `/api/v1/namespaces/default/pods/${pod}/status`, {
    body: { status: { conditions: [condition] } },
    contentType: "application/merge-patch+json",
  });
}
