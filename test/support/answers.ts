import { expect } from "vitest";
import type { ApiClient } from "../../scripts/cluster/api-client.ts";

/**
 * What the API itself lists as allowed to the bearer in a namespace, as `resources names verbs`, without what everybody may: asking what one
 * may.
 */
export async function rulesOf(client: ApiClient, namespace: string): Promise<string[]> {
  const { status, body } = await client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    body: { spec: { namespace } },
  });
  expect(status).toBe(201);
  const { resourceRules } = (body as { status: { resourceRules: readonly Record<string, readonly string[]>[] } })
    .status;
  return resourceRules
    .filter(({ apiGroups }) => apiGroups?.[0] !== "authorization.k8s.io")
    .map(({ verbs = [], resources = [], resourceNames }) =>
      [resources.join("+"), resourceNames?.join("+") ?? "*", verbs.toSorted().join("+")].join(" "),
    )
    .toSorted();
}

/** A request: method, path, what goes with it, and the status of the answer that it should get. */
type Attempt = readonly [Request[0], string, Request[2], number];

type Request = Parameters<ApiClient["request"]>;

/** Sends the requests one by one, and compares the statuses of all answers. */
export async function expectAnswers(client: ApiClient, attempts: readonly Attempt[]): Promise<void> {
  const seen: string[] = [];
  for (const [method, path, request] of attempts) {
    seen.push(`${method} ${path}: ${(await client.request(method, path, request)).status}`);
  }
  expect(seen).toEqual(attempts.map(([method, path, , status]) => `${method} ${path}: ${status}`));
}
