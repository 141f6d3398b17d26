/** The Kubernetes API as a kubeconfig describes it: for programs run by hand, and for a head outside the cluster. */
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { parse } from "yaml";
import { readTextIfPresent } from "../settings/files.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { bearerFrom } from "./bearer-token.ts";
import type { Connection, Credentials } from "./connection.ts";

/** What the files say at one moment of what a connection needs. */
interface Login {
  readonly config: KubeConfig;
  /** The name of the current context's user. */
  readonly user: string;
  readonly server: URL;
  readonly tokenFile: string | undefined;
}

/**
 * The connection that the current context of a kubeconfig describes. `paths` is one path or several joined by colons, of which missing
 * ones are passed over. Throws {@link SettingsError} for files that are missing or broken or name a thing twice, a context that leads
 * nowhere, and for what would weaken or bypass TLS or is not built in.
 *
 * Files that have changed are read again for the next call. Where that fails, as while they are being written, or where they lead to another
 * server by now, what they said before still counts, and `onProblem` is told why, once for each change.
 */
export async function kubeconfigConnection(paths: string, onProblem: (message: string) => void): Promise<Connection> {
  // Before the files are read: what is written meanwhile is a change.
  let version = versionOf(paths);
  let login = readLogin(paths);
  const { server } = login;
  const refresh = (): void => {
    const found = versionOf(paths);
    if (found === version) return;
    version = found;
    try {
      const fresh = readLogin(paths);
      if (fresh.server.href === server.href) login = fresh;
      // Its secrets are not for the server that this connection leads to.
      else onProblem(`kubeconfig ${paths} leads to ${fresh.server.href} by now, which counts after a restart`);
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      onProblem(`${error.message}; what it said before still counts`);
    }
  };
  return {
    host: server.hostname.replace(/^\[|\]$/g, ""),
    port: Number(server.port || 443),
    origin: server.origin,
    basePath: server.pathname.replace(/\/$/, ""),
    credentials: async () => {
      refresh();
      const { config, tokenFile, user } = login;
      const { auth, ca, cert, key, servername, headers } = await credentialsOf(config, user);
      const bearer = tokenFile === undefined ? {} : bearerFrom(tokenFile);
      return { auth, ca, cert, key, servername, headers: { ...headers, ...bearer } };
    },
  };
}

/** Changes with each change of the files, also when one comes or goes. */
function versionOf(paths: string): string {
  return paths.split(":").map(fileVersion).join();
}

function fileVersion(path: string): string {
  try {
    const status = statSync(path, { bigint: true, throwIfNoEntry: false });
    // The time of the change says it all, but clocks are set and ticks are coarse; a new owner or mode changes it too.
    return status === undefined ? "none" : `${status.ino} ${status.size} ${status.mtimeNs} ${status.ctimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

function readLogin(paths: string): Login {
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
  return {
    config,
    user: user.name,
    server: serverUrl(cluster.server, paths),
    tokenFile: findTokenFile(files, user.name),
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
    orUnusable(file, () => {
      if (position === 0) return config.loadFromFile(file);
      const more = new KubeConfig();
      more.loadFromFile(file);
      config.mergeConfig(more, true);
    });
  }
  return config;
}

/** What the reading of a file gives. Throws {@link SettingsError} for whatever it throws. */
function orUnusable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    // A YAML parser's words go on with the lines around the mistake, in which the token may stand.
    const [why] = (cause as Error).message.split("\n", 1);
    throw new SettingsError(`kubeconfig ${file} cannot be used: ${why}`, { cause });
  }
}

function serverUrl(text: string, paths: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:") return url;
  throw new SettingsError(`kubeconfig ${paths}: server is "${text}"; it must begin with https://`);
}

/** `tokenFile` of the user, which client-node 2.0 does not know; it must be read at each call, as the file is rotated. */
function findTokenFile(files: readonly string[], userName: string): string | undefined {
  for (const file of files) {
    const entry = orUnusable(file, () => {
      const document = parse(readTextIfPresent(file) ?? "") as {
        users?: { name?: unknown; user?: { tokenFile?: unknown } }[];
      } | null;
      return document?.users?.find((candidate) => candidate.name === userName);
    });
    if (typeof entry?.user?.tokenFile === "string") return resolve(dirname(file), entry.user.tokenFile);
  }
  return undefined;
}
