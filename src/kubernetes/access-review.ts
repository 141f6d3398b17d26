/** What this identity may do, from the API itself (authorization.k8s.io/v1; every identity may ask about itself). */
import type { Api } from "./request.ts";

/** One right, as RBAC has it. */
export interface Right {
  readonly verb: string;
  /** API group; "" for the core group. */
  readonly group: string;
  readonly resource: string;
  /** Name of the one object that is meant; absent for all. */
  readonly name?: string;
}

/** Whether this identity has a right in a namespace. Throws KubernetesError. */
export async function isAllowed(api: Api, namespace: string, right: Right, signal: AbortSignal): Promise<boolean> {
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { namespace, ...right } },
  };
  const answer = await api({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: JSON.stringify(review),
    signal,
  });
  return (answer as { status?: { allowed?: unknown } } | null)?.status?.allowed === true;
}
