/** Gathers all facts. Nothing is changed, and whatever cannot be had is a fact with the reason. */
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { type Connection, findConnection } from "../../../kubernetes/connection.ts";
import { podFiles } from "../../../kubernetes/in-cluster.ts";
import type { SlurmClusterRef } from "../../../kubernetes/slurm-cluster.ts";
import { findIdentity } from "../../../settings/identity.ts";
import type { LoadedSettings } from "../../../settings/settings.ts";
import { SettingsError } from "../../../settings/settings-error.ts";
import { createScontrol } from "../../../slurm/scontrol.ts";
import { askCopilot, CopilotSilentError } from "../../inspect/gather.ts";
import type { CopilotView } from "../../view.ts";
import { type Facts, type Known, together, type Whereabouts } from "../facts.ts";
import { findCopilots } from "./copilots.ts";
import { gatherKubernetes, withoutKubernetes } from "./kubernetes.ts";
import { lookAt } from "./paths.ts";
import { findPrograms } from "./programs.ts";
import { gatherSlurm } from "./slurm.ts";
import { findUser } from "./users.ts";

/** What {@link gatherFacts} works with. */
export interface GatherContext {
  readonly settings: LoadedSettings;
  readonly flags: { readonly namespace?: string; readonly cluster?: string; readonly kubeconfig?: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Path of this program, by whatever links it was called. */
  readonly program: string;
  readonly userAgent: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Looks at everything. */
export async function gatherFacts(context: GatherContext): Promise<Facts> {
  const { env, flags, now, settings, version } = context;
  const here = await findWhereabouts(settings, flags, env);
  // slurmctld passes SLURM_CONF alone (22.05 src/slurmctld/power_save.c, 724).
  const programsAre = await findWhereabouts(settings, {}, { SLURM_CONF: env.SLURM_CONF });
  const reached = together({ cluster: here.cluster, connection: here.connection });
  const scontrol = createScontrol({ path: settings.settings.scontrol, env, now });
  const [slurm, kubernetes, copilot] = await Promise.all([
    gatherSlurm(scontrol, now),
    "unknown" in reached
      ? withoutKubernetes("which SlurmCluster or API is unknown")
      : gatherKubernetes(reached.value.connection, reached.value.cluster, context),
    findCopilot(settings.settings.copilotSocket),
  ]);
  const { config } = slurm;
  const slurmUser =
    "unknown" in config
      ? config
      : config.value.slurmUser === undefined
        ? { unknown: "scontrol shows no SlurmUser" }
        : await findUser(config.value.slurmUser);
  const tokenFile = settings.settings.kubeconfig === undefined ? `${podFiles.serviceAccount}/token` : undefined;
  const known = together({ config, user: slurmUser });
  return {
    now: now(),
    version,
    installation: dirname(await realpath(context.program)),
    settings,
    here: toFact(here),
    programsAre: toFact(programsAre),
    slurmUser,
    paths: await lookAtAll(settings, tokenFile),
    ...("value" in programsAre.connection && tokenFile !== undefined && { tokenFile }),
    ...slurm,
    ...kubernetes,
    programs: "unknown" in known ? known : { value: await findPrograms(known.value.config, known.value.user) },
    copilots: await findCopilots(env.SLURM_CONF),
    copilot,
  };
}

interface Reach {
  readonly cluster: Known<SlurmClusterRef>;
  readonly connection: Known<Connection>;
  readonly login: string;
}

async function findWhereabouts(
  { file, settings }: LoadedSettings,
  flags: GatherContext["flags"],
  env: GatherContext["env"],
): Promise<Reach> {
  const kubeconfig = flags.kubeconfig || env.KUBECONFIG || settings.kubeconfig;
  const identity = await orUnknown(async () => findIdentity({ flags, env, settings, settingsFile: file, podFiles }));
  const cluster =
    "unknown" in identity ? identity : { value: { namespace: identity.value.namespace, name: identity.value.cluster } };
  return {
    cluster,
    connection: await orUnknown(() => findConnection({ kubeconfig, env, podFiles })),
    login: kubeconfig === undefined ? "the service account" : `kubeconfig ${kubeconfig}`,
  };
}

async function orUnknown<T>(find: () => Promise<T>): Promise<Known<T>> {
  try {
    return { value: await find() };
  } catch (error) {
    if (error instanceof SettingsError) return { unknown: error.message };
    throw error;
  }
}

function toFact({ cluster, connection, login }: Reach): Whereabouts {
  const api = "unknown" in connection ? connection : { value: connection.value.origin + connection.value.basePath };
  return { cluster, api, login };
}

async function lookAtAll({ file, settings }: LoadedSettings, tokenFile: string | undefined): Promise<Facts["paths"]> {
  const { copilotSocket, kubeconfig, resumeLog, suspendLog } = settings;
  const all = [file, kubeconfig, resumeLog, suspendLog, dirname(copilotSocket), tokenFile];
  const paths = [...new Set(all.filter((path) => path !== undefined))];
  return new Map(await Promise.all(paths.map(async (path) => [path, await lookAt(path)] as const)));
}

async function findCopilot(socket: string): Promise<Known<CopilotView | undefined>> {
  try {
    return { value: await askCopilot(socket) };
  } catch (error) {
    if (error instanceof CopilotSilentError) return { unknown: error.message };
    throw error;
  }
}
