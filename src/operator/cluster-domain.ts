/** The DNS domain of the Kubernetes cluster. */

/** Taken from a Pod's resolv.conf, whose search list has `svc.<domain>`; `cluster.local` where there is none. */
export function clusterDomainOf(resolvConf: string): string {
  return /^search\s(?:.*\s)?svc\.(\S+)/m.exec(resolvConf)?.[1] ?? "cluster.local";
}
