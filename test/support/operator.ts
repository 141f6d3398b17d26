/** A real slurm-operator against a real kube-apiserver, as the ServiceAccount of deploy/rbac/operator.yaml. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFailed, onTestFinished } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { claimFreePorts } from "./free-ports.ts";
import { call } from "./stand-in-api.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const collections: Readonly<Record<string, string>> = {
  ServiceAccount: "/api/v1/namespaces/slurm-operator/serviceaccounts",
  ClusterRole: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  ClusterRoleBinding: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
  Role: "/apis/rbac.authorization.k8s.io/v1/namespaces/slurm-operator/roles",
  RoleBinding: "/apis/rbac.authorization.k8s.io/v1/namespaces/slurm-operator/rolebindings",
};

/** Applies the CRD and deploy/rbac/operator.yaml. Resolves to a token of the operator's ServiceAccount. */
export async function installOperator(controlPlane: ControlPlane): Promise<string> {
  await controlPlane.applyCrd();
  await controlPlane.createNamespace("slurm-operator");
  const manifest = await readFile(join(import.meta.dirname, "../../deploy/rbac/operator.yaml"), "utf8");
  for (const document of parseAllDocuments(manifest)) {
    const path = collections[String(document.get("kind"))];
    if (path === undefined) throw new Error(`deploy/rbac/operator.yaml holds an unknown ${document.get("kind")}`);
    const url = `${path}/${document.getIn(["metadata", "name"])}?fieldManager=tests&force=true`;
    const contentType = "application/apply-patch+yaml";
    await call(controlPlane.request, [200, 201], "PATCH", url, { body: document.toString(), contentType });
  }
  return await controlPlane.serviceAccountToken("slurm-operator", "slurm-operator");
}

/** An operator that runs. */
export interface OperatorProcess {
  readonly pid: number;
  readonly metricsPort: number;
  /** What it has logged so far. */
  log(): string;
  /** GETs a path of its HTTP server. */
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Sends a signal and waits for the end; resolves to the exit code and how many milliseconds it took. */
  end(signal: NodeJS.Signals): Promise<{ readonly exitCode: number | null; readonly milliseconds: number }>;
  /** Resolves to the exit code when it has ended by itself. */
  readonly ended: Promise<number | null>;
}

/** Starts an operator for as long as the running test. `port` is where it finds the API, a proxy perhaps. */
export async function startOperatorProcess(
  installation: string,
  controlPlane: Pick<ControlPlane, "caFile" | "port">,
  options: { readonly token: string; readonly port?: number; readonly args?: readonly string[] },
): Promise<OperatorProcess> {
  const { args = [], port = controlPlane.port, token } = options;
  const kubeconfig = join(temporaryFolder(), "kubeconfig");
  const config = {
    clusters: [
      { name: "c", cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority": controlPlane.caFile } },
    ],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  await writeFile(kubeconfig, stringify(config), { mode: 0o600 });
  const metricsPort = await claimFreePorts(1, Math.random);
  const standard = ["--kubeconfig", kubeconfig, "--metrics-port", String(metricsPort)];
  const child: ChildProcess = spawn(
    join(installation, "slurm-operator"),
    [...standard, "--leader-elect-namespace", "slurm-operator", ...args],
    { env: { HOSTNAME: "operator" }, stdio: ["ignore", "ignore", "pipe"] },
  );
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  await once(child, "spawn");
  const end = async (signal: NodeJS.Signals) => {
    const started = performance.now();
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return { exitCode: await ended, milliseconds: performance.now() - started };
  };
  onTestFailed(() => console.error(`log of slurm-operator ${child.pid}:\n${log}`));
  onTestFinished(async () => void (await end("SIGKILL")));
  return {
    pid: child.pid ?? 0,
    metricsPort,
    log: () => log,
    get: async (path) => {
      const answer = await fetch(`http://127.0.0.1:${metricsPort}${path}`);
      return { status: answer.status, body: await answer.text() };
    },
    end,
    ended,
  };
}
