/** The SlurmCluster, its Pods, our rights and the clock of the API. */
import { isAllowed } from "../../../kubernetes/access-review.ts";
import type { Connection } from "../../../kubernetes/connection.ts";
import { KubernetesError } from "../../../kubernetes/errors.ts";
import { listObjects } from "../../../kubernetes/list.ts";
import { startSeconds } from "../../../kubernetes/pod-start.ts";
import { type Api, createApi } from "../../../kubernetes/request.ts";
import { serverClockAhead } from "../../../kubernetes/server-time.ts";
import { getSlurmCluster, type SlurmClusterRef } from "../../../kubernetes/slurm-cluster.ts";
import { toWorkerPod, workerPods } from "../../../kubernetes/worker-pods.ts";
import type { Facts, Known, PodFact, RightFact } from "../facts.ts";
import { neededRights } from "../rights.ts";

/** What {@link gatherKubernetes} finds out. */
export type KubernetesFacts = Pick<Facts, "apiClockAhead" | "apiProblem" | "pods" | "resource" | "rights">;

/** What nobody can tell without a cluster and an API. */
export function withoutKubernetes(unknown: string): KubernetesFacts {
  return { apiClockAhead: { unknown }, pods: { unknown }, resource: { unknown }, rights: { unknown } };
}

/** Asks the API; what hangs on the first answer is not asked when there is none. */
export async function gatherKubernetes(
  connection: Connection,
  cluster: SlurmClusterRef,
  context: { readonly userAgent: string; readonly now: () => number; readonly signal: AbortSignal },
): Promise<KubernetesFacts> {
  const { now, signal } = context;
  const api = createApi(connection, { ...context, connections: 4 });
  const resource = await attempt(getSlurmCluster(api, cluster, signal));
  if ("error" in resource && isUnreachable(resource.error)) {
    const { kind, message } = resource.error;
    return { ...withoutKubernetes("the Kubernetes API does not answer"), apiProblem: { kind, message } };
  }
  const [rights, pods, ahead] = await Promise.all([
    attempt(findRights(api, cluster, signal)),
    attempt(findPods(api, cluster, now, signal)),
    attempt(serverClockAhead(connection, context)),
  ]);
  const failure = "error" in resource ? { kind: resource.error.kind, message: resource.error.message } : undefined;
  return {
    resource: toKnown(resource, "the SlurmCluster cannot be read"),
    ...(failure !== undefined && { apiProblem: failure }),
    rights: toKnown(rights, "the API does not tell our rights"),
    pods: toKnown(pods, "the Pods cannot be listed"),
    apiClockAhead:
      "value" in ahead && ahead.value === undefined
        ? { unknown: "the API does not say what time it is" }
        : (toKnown(ahead, "the clock of the API") as Known<number>),
  };
}

async function findRights(api: Api, cluster: SlurmClusterRef, signal: AbortSignal): Promise<readonly RightFact[]> {
  return await Promise.all(
    neededRights(cluster).map(async ({ group, name, resource, verb }) => {
      const right = { group, resource, verb, ...(name !== undefined && { name }) };
      return { ...right, allowed: await isAllowed(api, cluster.namespace, right, signal) };
    }),
  );
}

async function findPods(
  api: Api,
  cluster: SlurmClusterRef,
  now: () => number,
  signal: AbortSignal,
): Promise<readonly PodFact[]> {
  const pods: PodFact[] = [];
  await listObjects(api, workerPods(cluster), signal, (items) => {
    for (const item of items) {
      const name = toWorkerPod(item, now())?.name;
      const seconds = startSeconds(item);
      if (name !== undefined) pods.push({ name, ...(seconds !== undefined && { startSeconds: seconds }) });
    }
  });
  return pods;
}

type Attempt<T> = { readonly value: T } | { readonly error: KubernetesError };

async function attempt<T>(call: Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await call };
  } catch (error) {
    if (error instanceof KubernetesError) return { error };
    throw error;
  }
}

function toKnown<T>(result: Attempt<T>, what: string): Known<T> {
  if (!("error" in result)) return result;
  const { kind, message } = result.error;
  return { unknown: `${what}: ${kind === "Forbidden" ? "the right is missing" : message}` };
}

/** Each further call would take as long and say the same. */
function isUnreachable({ kind }: KubernetesError): boolean {
  return ["Credentials", "Network", "Timeout", "Tls", "Unauthorized"].includes(kind);
}
