import type { PatchOperation } from "../../src/kubernetes/slurm-cluster.ts";

/**
 * Applies the operations that the agent uses to a copy of a document, as kube-apiserver does. Returns `undefined` when a test fails.
 * The real server is the judge in the api tier; this lets properties run thousands of steps.
 */
export function applyPatch<Document>(document: Document, patch: readonly PatchOperation[]): Document | undefined {
  const copy = structuredClone(document);
  for (const { op, path, value } of patch) {
    const keys = path.split("/").slice(1);
    const last = keys.pop() as string;
    const parent = keys.reduce<Record<string, unknown>>(
      (node, key) => node[key] as Record<string, unknown>,
      copy as Record<string, unknown>,
    );
    if (op === "add") parent[last] = structuredClone(value);
    else if (JSON.stringify(parent[last]) !== JSON.stringify(value)) return undefined;
  }
  return copy;
}
