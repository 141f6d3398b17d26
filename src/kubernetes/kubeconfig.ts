/** The Kubernetes API as a kubeconfig describes it: for programs run by hand, and for a head outside the cluster. */
import { dirname, resolve } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { parse } from "yaml";
import { readTextIfPresent } from "../settings/files.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { bearerFrom } from "./bearer-token.ts";
import type { Connection, Credentials } from "./connection.ts";

/**
 * The connection that the current context of a kubeconfig describes. `paths` is one path or several joined by colons, of which missing
 * ones are passed over. Throws {@link SettingsError} for files that are missing or broken or name a thing twice, a context that leads
 * nowhere, and for what would weaken or bypass TLS or is not built in.
 */
export async function kubeconfigConnection(paths: string): Promise<Connection> {
  const files = paths.split(":").filter((path) => path !== "" && readTextIfPresent(path) !== undefined);
  if (files.length === 0) {
    throw new SettingsError(`kubeconfig ${paths} does not exist (from --kubeconfig, KUBECONFIG or the settings file)`);
  }
  const config = load(files);
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  if (!cluster || !user) {
    throw new SettingsError(
      `kubeconfig ${paths}: the current context (${config.getCurrentContext() || "none set"}) names no known cluster and user`,
    );
  }
  if (cluster.skipTLSVerify) {
    throw new SettingsError(
      `kubeconfig ${paths}: insecure-skip-tls-verify is set; give the cluster's certificate-authority instead`,
    );
  }
  if (cluster.proxyUrl) throw new SettingsError(`kubeconfig ${paths}: proxy-url is not supported`);
  if (user.authProvider) {
    throw new SettingsError(
      `kubeconfig ${paths}: auth-provider is not supported; use a client certificate, a token, tokenFile or exec`,
    );
  }
  const server = serverUrl(cluster.server, paths);
  const tokenFile = findTokenFile(files, user.name);
  return {
    host: server.hostname.replace(/^\[|\]$/g, ""),
    port: Number(server.port || 443),
    origin: server.origin,
    basePath: server.pathname.replace(/\/$/, ""),
    credentials: async () => {
      const { auth, ca, cert, key, servername, headers } = await credentialsOf(config, user.name);
      const bearer = tokenFile === undefined ? {} : bearerFrom(tokenFile);
      return { auth, ca, cert, key, servername, headers: { ...headers, ...bearer } };
    },
  };
}

async function credentialsOf(config: KubeConfig, user: string): Promise<Credentials> {
  const credentials: Credentials = {};
  try {
    await config.applyToHTTPSOptions(credentials);
  } catch (cause) {
    // What a login program printed instead of JSON may hold its token, and the words of a SyntaxError quote it.
    const why = cause instanceof SyntaxError ? "its login program did not print JSON" : (cause as Error).message.trim();
    throw new SettingsError(`the credentials of user ${user} of the kubeconfig cannot be had: ${why}`, { cause });
  }
  return credentials;
}

function load(files: readonly string[]): KubeConfig {
  const config = new KubeConfig();
  for (const [position, file] of files.entries()) {
    try {
      if (position === 0) config.loadFromFile(file);
      else {
        const more = new KubeConfig();
        more.loadFromFile(file);
        config.mergeConfig(more, true);
      }
    } catch (cause) {
      throw new SettingsError(`kubeconfig ${file} cannot be used: ${(cause as Error).message}`, { cause });
    }
  }
  return config;
}

function serverUrl(text: string, paths: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:") return url;
  throw new SettingsError(`kubeconfig ${paths}: server is "${text}"; it must begin with https://`);
}

/** `tokenFile` of the user, which client-node 2.0 does not know; it must be read at each call, as the file is rotated. */
function findTokenFile(files: readonly string[], userName: string): string | undefined {
  for (const file of files) {
    const document = parse(readTextIfPresent(file) ?? "") as {
      users?: { name?: unknown; user?: { tokenFile?: unknown } }[];
    } | null;
    const entry = document?.users?.find((candidate) => candidate.name === userName);
    if (typeof entry?.user?.tokenFile === "string") return resolve(dirname(file), entry.user.tokenFile);
  }
  return undefined;
}
