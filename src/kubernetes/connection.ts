/** Where the Kubernetes API is and how to prove who we are: from a kubeconfig, else from inside a Pod. */
import type { RequestOptions } from "node:https";
import { inClusterConnection, type PodFiles } from "./in-cluster.ts";

/** What one call sends and trusts beside its address. TLS is always verified; nothing in here turns that off. */
export type Credentials = Pick<RequestOptions, "auth" | "ca" | "cert" | "headers" | "key" | "servername">;

/** All that a call needs. */
export interface Connection {
  /** For messages: `https://host:port`. */
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  /** What goes before every path: "" or, behind some gateways, `/k8s/clusters/…`. */
  readonly basePath: string;
  /** The credentials of the next call, read afresh. Rejects where they cannot be read. */
  readonly credentials: () => Promise<Credentials>;
}

/** Where a connection may come from. */
export interface ConnectionSources {
  /** Path of a kubeconfig, or several joined by colons as in KUBECONFIG; when given, it alone counts. */
  readonly kubeconfig: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly podFiles: PodFiles;
  /**
   * Told why a kubeconfig that has changed does not count, for the log of those who run on.
   *
   * @default nobody is told
   */
  readonly onProblem?: (message: string) => void;
}

/**
 * Finds the API. A kubeconfig wins; without one this must be a Pod with a service account.
 * Throws {@link SettingsError} that lists what was looked at.
 */
export async function findConnection(sources: ConnectionSources): Promise<Connection> {
  if (sources.kubeconfig === undefined) return inClusterConnection(sources.env, sources.podFiles);
  // A kubeconfig needs a YAML parser and more; in the head Pod, where every millisecond of start-up counts, there is none.
  const { kubeconfigConnection } = await import("./kubeconfig.ts");
  return await kubeconfigConnection(sources.kubeconfig, sources.onProblem ?? (() => {}));
}
