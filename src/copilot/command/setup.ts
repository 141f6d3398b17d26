/** What the copilot and its inspecting commands begin with: settings, which cluster, which API. */
import { type Connection, findConnection } from "../../kubernetes/connection.ts";
import { podFiles } from "../../kubernetes/in-cluster.ts";
import type { SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import { findIdentity } from "../../settings/identity.ts";
import { type LoadedSettings, loadSettings, settingsFilePath } from "../../settings/settings.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { version } from "../../version.ts";

/** Flags that say which cluster and how to reach it. */
export interface ConnectionFlags {
  readonly namespace?: string;
  readonly cluster?: string;
  readonly kubeconfig?: string;
}

/** The environment of the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How all calls of the copilot name themselves in an audit log. */
export const userAgent = `slurmctld-copilot/${version} (slurm-power-agent)`;

/**
 * Which cluster, and how to reach its API; who runs on is told by `onProblem` why a kubeconfig that has changed does not count. Throws a
 * SettingsError that lists every place looked at.
 */
export async function findCluster(
  flags: ConnectionFlags,
  env: Environment,
  { file, settings }: LoadedSettings,
  onProblem: (message: string) => void = () => {},
): Promise<{ readonly cluster: SlurmClusterRef; readonly connection: Connection }> {
  const { namespace, cluster } = findIdentity({ flags, env, settings, settingsFile: file, podFiles });
  const kubeconfig = flags.kubeconfig || env.KUBECONFIG || settings.kubeconfig;
  const connection = await findConnection({ kubeconfig, env, podFiles, onProblem });
  return { cluster: { namespace, name: cluster }, connection };
}

/** The settings file of this environment. */
export function loadSettingsOf(env: Environment): Promise<LoadedSettings> {
  return loadSettings(settingsFilePath(env));
}

/** Mistakes in the settings file, a sentence each. */
export function settingsProblems({ file, problems }: LoadedSettings): readonly string[] {
  return problems.map(
    ({ line, key, message }) => `settings ${file}:${line}: ${key}${key && ": "}${message}; the default is used`,
  );
}

/** Settings that are looked at only at the start, and differ. */
export function needRestart(before: LoadedSettings, after: LoadedSettings): readonly string[] {
  const keys = ["namespace", "cluster", "kubeconfig", "scontrol", "logFormat", "copilotSocket", "metricsPort"] as const;
  return keys.filter((key) => before.settings[key] !== after.settings[key]);
}

/**
 * Why programs that slurmctld starts would not work on `ours` as this copilot does, if so: they get no flags, and of the environment only
 * SLURM_CONF (22.05 src/slurmctld/power_save.c, 724).
 */
export function programsElsewhere(
  ours: SlurmClusterRef,
  flags: ConnectionFlags,
  env: Environment,
  { file, settings }: LoadedSettings,
): string | undefined {
  const kubeconfig = flags.kubeconfig || env.KUBECONFIG || settings.kubeconfig;
  if (kubeconfig !== settings.kubeconfig) return `the copilot has a kubeconfig of its own: ${kubeconfig}`;
  try {
    const theirEnv = { SLURM_CONF: env.SLURM_CONF };
    const theirs = findIdentity({ flags: {}, env: theirEnv, settings, settingsFile: file, podFiles });
    if (theirs.namespace === ours.namespace && theirs.cluster === ours.name) return undefined;
    return `the copilot works for ${ours.namespace}/${ours.name}`;
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
}
