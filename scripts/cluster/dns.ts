import { appendFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ApiClient } from "./api-client.ts";

/** What of a Service matters for names. */
interface ServiceNames {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly clusterIP?: string };
}

interface EndpointAddress {
  readonly ip: string;
  readonly hostname?: string;
}

/** What of an Endpoints object matters for names. */
interface EndpointNames {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly subsets?: readonly { readonly addresses?: readonly EndpointAddress[] }[];
}

/**
 * The names that a cluster's DNS gives (Kubernetes DNS-Based Service Discovery 1.1), as lines of a hosts file: a Service's
 * address, or for a headless one the addresses of its Pods and each Pod's own name. A hosts file suffices for that, and
 * gives the way back from address to name too. Not-ready Pods count only for Services with publishNotReadyAddresses, which
 * kube-controller-manager sees to.
 *
 * @param domain the cluster's domain, e.g. `cluster.local`
 */
export function dnsHosts(
  services: readonly ServiceNames[],
  endpoints: readonly EndpointNames[],
  domain: string,
): string {
  const full = (object: { metadata: { name: string; namespace: string } }): string =>
    `${object.metadata.name}.${object.metadata.namespace}.svc.${domain}`;
  const headless = new Set<string>();
  const lines = new Set<string>();
  for (const service of services) {
    const address = service.spec.clusterIP;
    if (address === "None") headless.add(full(service));
    else if (address !== undefined && address !== "") lines.add(`${address} ${full(service)}`);
  }
  for (const endpoint of endpoints.filter((each) => headless.has(full(each)))) {
    for (const { ip, hostname } of endpoint.subsets?.flatMap((subset) => subset.addresses ?? []) ?? []) {
      // The Pod's own name first: it is what the address leads back to.
      if (hostname !== undefined) lines.add(`${ip} ${hostname}.${full(endpoint)}`);
      lines.add(`${ip} ${full(endpoint)}`);
    }
  }
  return [...lines].map((line) => `${line}\n`).join("");
}

/** Keeps {@link dnsHosts} of a cluster in a file. */
export interface DnsUpdater {
  /** Ends the updates; resolves when the last one is over. */
  readonly stop: () => Promise<void>;
}

/**
 * Writes `hosts` in `folder` whenever names have changed, and then calls `changed`. Asks the API twice a second, which serves
 * that from memory; when it does not, dns-updater.log beside the folder tells.
 */
export function startDnsUpdater(
  request: ApiClient["request"],
  { folder, domain, changed }: { folder: string; domain: string; changed: () => void },
): DnsUpdater {
  const ended = new AbortController();
  const list = async <T>(resource: string): Promise<T[]> => {
    const answer = await request("GET", `/api/v1/${resource}?resourceVersion=0`);
    if (answer.status !== 200) throw new Error(`list ${resource}: HTTP ${answer.status}`);
    return (answer.body as { items: T[] }).items;
  };
  const update = async (): Promise<void> => {
    let written = "";
    while (!ended.signal.aborted) {
      try {
        const [services, endpoints] = await Promise.all([
          list<ServiceNames>("services"),
          list<EndpointNames>("endpoints"),
        ]);
        const hosts = dnsHosts(services, endpoints, domain);
        if (hosts !== written) {
          await writeFile(join(folder, "hosts.new"), hosts);
          await rename(join(folder, "hosts.new"), join(folder, "hosts"));
          changed();
          written = hosts;
        }
      } catch (error) {
        // The API is away, perhaps on purpose: names stay as they are, and are asked for again.
        await appendFile(join(folder, "../dns-updater.log"), `${String(error)}\n`);
      }
      await delay(500, undefined, { signal: ended.signal }).catch(() => {});
    }
  };
  const running = update();
  return {
    stop: async () => {
      ended.abort();
      await running;
    },
  };
}
