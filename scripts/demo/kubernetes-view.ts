import { call } from "../../test/support/stand-in-api.ts";
import type { ControlPlane } from "../cluster/control-plane.ts";
import { table } from "./format.ts";
import { type Kubectl, runKubectl } from "./kubectl.ts";
import type { Shown } from "./screen.ts";

/** What a user looks up in Kubernetes, in the SlurmCluster's namespace. */
export interface KubernetesView {
  /** The line that `kubectl get slurmcluster` prints. */
  slurmCluster(): Promise<Shown>;
  /** What the SlurmCluster's only worker group asks for: a table of {@link requestColumns}. */
  workerGroup(): Promise<Shown>;
  /** The lines that `kubectl get pod` prints. */
  pods(): Promise<Shown>;
}

/** Columns by which a worker group's request is shown: heading → field. */
const requestColumns = {
  REPLICAS: "replicas",
  "PODS-TO-BE-CREATED": "podsToBeCreated",
  "PODS-TO-BE-DELETED": "podsToBeDeleted",
} as const;

/** Looks with the real kubectl. */
export function kubectlView(kubectl: Kubectl, cluster: string): KubernetesView {
  const columns = Object.entries(requestColumns).map(([name, field]) => `${name}:.spec.workerGroupSpecs[0].${field}`);
  const get = (...args: string[]): Promise<Shown> => runKubectl(kubectl, ["get", ...args]);
  return {
    slurmCluster: () => get("slurmcluster", cluster),
    workerGroup: () => get("slurmcluster", cluster, `-o=custom-columns=${columns.join(",")}`),
    pods: () => get("pod"),
  };
}

/** Rows as the API server sets them for clients (meta.k8s.io/v1 Table), which is what kubectl prints. */
interface ApiTable {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

const namespacePath = (api: string) => `${api}/namespaces/default`;

/** Asks the API for the same rows, where there is no kubectl, and says so in the command. */
export function apiView({ request }: Pick<ControlPlane, "request">, cluster: string): KubernetesView {
  const clusters = `${namespacePath("/apis/kai.alibabacloud.com/v1")}/slurmclusters`;
  const command = (path: string): string => `GET ${path}   (no kubectl here)`;
  const rows = async (path: string): Promise<Shown> => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const answer = await call<ApiTable>(request, [200], "GET", path, { accept });
    const wide = answer.columnDefinitions.map(({ priority }) => priority > 0);
    const narrow = <T>(cells: readonly T[]) => cells.filter((_, column) => wide[column] !== true);
    const header = narrow(answer.columnDefinitions).map(({ name }) => name.toUpperCase());
    const output = table([header, ...answer.rows.map(({ cells }) => narrow(cells).map(String))]);
    return { command: command(path), output: answer.rows.length === 0 ? "none\n" : output };
  };
  return {
    slurmCluster: () => rows(`${clusters}/${cluster}`),
    async workerGroup() {
      const path = `${clusters}/${cluster}`;
      const answer = await call<{ spec: { workerGroupSpecs: Record<string, unknown>[] } }>(request, [200], "GET", path);
      const group = answer.spec.workerGroupSpecs[0] ?? {};
      const cell = (value: unknown): string => (Array.isArray(value) ? `[${value.join(" ")}]` : String(value));
      const cells = Object.values(requestColumns).map((field) => cell(group[field] ?? "<none>"));
      return { command: command(path), output: table([Object.keys(requestColumns), cells]) };
    },
    pods: () => rows(`${namespacePath("/api/v1")}/pods`),
  };
}
