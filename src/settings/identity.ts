/** Which SlurmCluster a program works for. */
import { readTextIfPresent, readWordIfPresent } from "./files.ts";
import { isDnsName, type Settings } from "./settings.ts";
import { SettingsError } from "./settings-error.ts";

/** The label that carries the cluster's name on every Pod of a SlurmCluster. */
const CLUSTER_LABEL = "kai.alibabacloud.com/slurm-cluster";

/** A SlurmCluster's namespace and name; both are valid DNS names. */
export interface Identity {
  readonly namespace: string;
  readonly cluster: string;
}

/** What identity is taken from, in order of precedence: flags, environment, settings file, Pod files. */
export interface IdentitySources {
  readonly flags: { readonly namespace?: string; readonly cluster?: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: Pick<Settings, "namespace" | "cluster">;
  readonly settingsFile: string;
  readonly podFiles: { readonly podInfo: string; readonly serviceAccount: string };
}

/**
 * Finds namespace and cluster. Throws {@link SettingsError} that lists every place looked at, or names the place whose value is not
 * a DNS name.
 */
export function findIdentity(sources: IdentitySources): Identity {
  const { flags, env, settings, settingsFile, podFiles } = sources;
  const labels = `${podFiles.podInfo}/labels`;
  return {
    namespace: pick("namespace", [
      ["--namespace", () => flags.namespace],
      ["SLURM_NAMESPACE", () => env.SLURM_NAMESPACE],
      [`"namespace" in ${settingsFile}`, () => settings.namespace],
      wordOf(`${podFiles.podInfo}/namespace`),
      wordOf(`${podFiles.serviceAccount}/namespace`),
    ]),
    cluster: pick("cluster", [
      ["--cluster", () => flags.cluster],
      ["SLURM_CLUSTER", () => env.SLURM_CLUSTER],
      [`"cluster" in ${settingsFile}`, () => settings.cluster],
      [`label ${CLUSTER_LABEL} in ${labels}`, () => clusterLabel(readTextIfPresent(labels) ?? "")],
    ]),
  };
}

/** The value of the cluster label in a downward-API file: `key="value"`, one a line, values quoted as Go does. */
export function clusterLabel(labels: string): string | undefined {
  const prefix = `${CLUSTER_LABEL}=`;
  const line = labels.split("\n").find((candidate) => candidate.startsWith(prefix));
  return line
    ?.slice(prefix.length)
    .trim()
    .replace(/^"(.*)"$/, "$1");
}

type Place = readonly [name: string, read: () => string | undefined];

function wordOf(path: string): Place {
  return [path, () => readWordIfPresent(path)];
}

function pick(what: string, places: readonly Place[]): string {
  for (const [name, read] of places) {
    const value = read();
    if (!value) continue;
    if (!isDnsName(value)) throw new SettingsError(`${name} gives ${what} "${value}", which is not a DNS name`);
    return value;
  }
  throw new SettingsError(`cannot tell the ${what}; looked at ${places.map(([name]) => name).join(", ")}`);
}
