import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** Absolute paths of the programs that make up a control plane. */
export interface ControlPlanePrograms {
  readonly etcd: string;
  readonly kubeApiserver: string;
  /** Absent when KUBEBUILDER_ASSETS is set to a folder without kubectl. */
  readonly kubectl: string | undefined;
}

/**
 * Finds etcd, kube-apiserver and kubectl: in the folder named by KUBEBUILDER_ASSETS (the convention of Kubernetes'
 * envtest) where they are there, else what `scripts/setup.sh kubernetes` put on this machine.
 *
 * @param environment usually `process.env`; KUBEBUILDER_ASSETS, XDG_CACHE_HOME, HOME and PATH are read
 * @throws Error that names what is missing and the command that brings it
 */
export async function findControlPlanePrograms(environment: NodeJS.ProcessEnv): Promise<ControlPlanePrograms> {
  const folder = await builtFolder("api", environment);
  const searched = [...(environment.KUBEBUILDER_ASSETS ? [folder] : []), ...(environment.PATH ?? "").split(":")];
  const etcd = searched.map((each) => join(each, "etcd")).find(isExecutable);
  if (etcd === undefined) {
    throw new Error(`etcd is missing (looked in ${searched.join(", ")}): run \`bash scripts/setup.sh kubernetes\``);
  }
  const kubectl = join(folder, "kubectl");
  return {
    etcd,
    kubeApiserver: join(folder, "kube-apiserver"),
    kubectl: isExecutable(kubectl) ? kubectl : undefined,
  };
}

/** Absolute paths of the programs that make an API a cluster in which Pods run, all built from Kubernetes' source. */
export interface NodePrograms {
  readonly kubelet: string;
  readonly kubeControllerManager: string;
  readonly kubeScheduler: string;
  readonly kubeProxy: string;
  readonly pause: string;
}

/**
 * Finds what `scripts/setup.sh cluster` built.
 *
 * @param environment usually `process.env`; XDG_CACHE_HOME and HOME are read
 * @throws Error that names the command that brings what is missing
 */
export async function findNodePrograms(environment: NodeJS.ProcessEnv): Promise<NodePrograms> {
  const folder = await builtFolder("node", environment);
  return {
    kubelet: join(folder, "kubelet"),
    kubeControllerManager: join(folder, "kube-controller-manager"),
    kubeScheduler: join(folder, "kube-scheduler"),
    kubeProxy: join(folder, "kube-proxy"),
    pause: join(folder, "pause"),
  };
}

/** The folder in which build.sh puts the programs of a target. */
async function builtFolder(target: "api" | "node", environment: NodeJS.ProcessEnv): Promise<string> {
  const script = join(import.meta.dirname, "build.sh");
  try {
    const { stdout } = await promisify(execFile)("bash", [script, "--print-folder", target], { env: environment });
    return stdout.trim();
  } catch (error) {
    const [program, component] = target === "api" ? ["kube-apiserver", "kubernetes"] : ["the kubelet", "cluster"];
    throw new Error(`${program} is not built yet: run \`bash scripts/setup.sh ${component}\``, { cause: error });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
