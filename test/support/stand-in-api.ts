import { KubeConfig, Watch } from "@kubernetes/client-node";
import type { ApiClient } from "../../scripts/cluster/api-client.ts";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { WorkerGroup } from "./stand-in-plan.ts";

/** What the stand-in reads of a SlurmCluster. */
export interface ClusterObject {
  readonly metadata: { readonly uid: string; readonly generation: number };
  readonly spec: { readonly workerGroupSpecs?: readonly WorkerGroup[] };
  readonly status?: Readonly<Record<string, unknown>>;
}

/** What the stand-in reads of a Pod. */
export interface PodObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** @throws Error on any status that is not listed in `accepted` */
export async function call<T>(
  request: ApiClient["request"],
  accepted: readonly number[],
  ...args: Parameters<ApiClient["request"]>
): Promise<T> {
  const answer = await request(...args);
  if (accepted.includes(answer.status)) return answer.body as T;
  throw new Error(`${args[0]} ${args[1]}: HTTP ${answer.status} ${JSON.stringify(answer.body)}`);
}

/**
 * Calls `changed` with every object that is there and at each change, until the returned function is called. A watch that
 * ends, for whatever reason, is started again; `changed` is called then too, without an object, as changes may have been missed.
 */
export function watchForChanges(
  controlPlane: Pick<ControlPlane, "adminKubeconfig">,
  path: string,
  selector: object,
  changed: (object?: unknown) => void,
): () => void {
  const config = new KubeConfig();
  config.loadFromFile(controlPlane.adminKubeconfig);
  const watch = new Watch(config);
  let abort: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const start = (): void => {
    if (stopped) return;
    watch
      .watch(path, { ...selector }, (_type, object) => changed(object), again)
      .then((controller) => {
        abort = controller;
        if (stopped) controller.abort();
      }, again);
  };
  const again = (): void => {
    changed();
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(start, 250);
  };
  start();
  return () => {
    stopped = true;
    clearTimeout(timer);
    abort?.abort();
  };
}
