import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "../../test/support/wait-for.ts";
import type { Cluster } from "./cluster.ts";

/** Name of the SlurmCluster in deploy/manifests. */
export const manifestCluster = "slurm-demo";

const manifests = join(import.meta.dirname, "../../deploy/manifests");

/**
 * Puts operator and SlurmCluster into a cluster with the plain manifests of deploy/manifests, by the commands at their heads; resolves
 * when the API has taken them.
 *
 * @param change what is to be different in both, or in the second one alone
 */
export async function installManifests(
  { kubectl, api }: Pick<Cluster, "kubectl" | "api">,
  change: { readonly both: (text: string) => string; readonly cluster: (text: string) => string },
): Promise<void> {
  const apply = async (text: string): Promise<void> => {
    await kubectl(["apply", "--server-side", "--filename=-"], { input: text });
  };
  await apply(change.both(await readFile(join(manifests, "slurm-operator.yaml"), "utf8")));
  const data = { "munge.key": randomBytes(128).toString("base64") };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: `${manifestCluster}-munge` }, data };
  await kubectl(["create", "--filename=-"], { input: JSON.stringify(secret) });
  await waitFor(
    "the resource SlurmCluster",
    () => api.request("GET", "/apis/kai.alibabacloud.com/v1/slurmclusters?limit=1"),
    ({ status }) => status === 200,
    60_000,
  );
  await apply(change.cluster(change.both(await readFile(join(manifests, "slurm-cluster.yaml"), "utf8"))));
}

/** Replaces the first occurrence. @throws Error when there is none */
export function replaceOnce(text: string, pattern: RegExp | string, replacement: string): string {
  const found = typeof pattern === "string" ? text.includes(pattern) : pattern.test(text);
  if (!found) throw new Error(`the manifest has no ${JSON.stringify(String(pattern))}`);
  return text.replace(pattern, replacement);
}
