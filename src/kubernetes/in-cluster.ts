/** The Kubernetes API as seen from a Pod, also where slurmctld has emptied the environment. */
import { readTextIfPresent, readWordIfPresent } from "../settings/files.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { bearerFrom } from "./bearer-token.ts";
import type { Connection } from "./connection.ts";

/** The folders that a Pod's facts lie in. */
export interface PodFiles {
  /** `token`, `ca.crt` and `namespace`, mounted by Kubernetes. */
  readonly serviceAccount: string;
  /** `k8s_svc_host` and `k8s_svc_port`, written when the head starts, as what slurmctld runs has no KUBERNETES_SERVICE_HOST. */
  readonly serviceAddress: string;
  /** `namespace` and `labels`, from the downward API. */
  readonly podInfo: string;
}

/** Where those folders are in every Pod of a SlurmCluster. */
export const podFiles: PodFiles = {
  serviceAccount: "/var/run/secrets/kubernetes.io/serviceaccount",
  serviceAddress: "/var/k8s-info",
  podInfo: "/etc/slurmd-podinfo",
};

/**
 * The connection of a Pod. The address comes from the environment, else from the files in `serviceAddress`, else it is the name that
 * every cluster serves, `kubernetes.default.svc:443`. Throws {@link SettingsError} when there is no service account.
 */
export function inClusterConnection(
  env: Readonly<Record<string, string | undefined>>,
  files: Pick<PodFiles, "serviceAccount" | "serviceAddress">,
): Connection {
  const caFile = `${files.serviceAccount}/ca.crt`;
  if (readTextIfPresent(caFile) === undefined) {
    throw new SettingsError(
      `no way to the Kubernetes API: no --kubeconfig, no KUBECONFIG, no "kubeconfig" in the settings file, ` +
        `and no service account in ${files.serviceAccount} (a Pod has one unless automountServiceAccountToken is false)`,
    );
  }
  const { host, port } = serviceAddress(env, files.serviceAddress);
  const tokenFile = `${files.serviceAccount}/token`;
  return {
    host,
    port,
    basePath: "",
    origin: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    credentials: async () => ({ ca: readTextIfPresent(caFile), headers: bearerFrom(tokenFile) }),
  };
}

function serviceAddress(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): { host: string; port: number } {
  const host = env.KUBERNETES_SERVICE_HOST || readWordIfPresent(`${folder}/k8s_svc_host`);
  if (host === undefined) return { host: "kubernetes.default.svc", port: 443 };
  const text = env.KUBERNETES_SERVICE_PORT || readWordIfPresent(`${folder}/k8s_svc_port`) || "443";
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port < 1 || port > 65535) {
    throw new SettingsError(
      `the port of the Kubernetes API is "${text}" (KUBERNETES_SERVICE_PORT or ${folder}/k8s_svc_port), not 1 to 65535`,
    );
  }
  return { host, port };
}
