/** What the inspecting commands begin with: settings, cluster, connections, and one look at everything. */
import { type Api, createApi } from "../../kubernetes/request.ts";
import type { SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import type { LoadedSettings } from "../../settings/settings.ts";
import { createScontrol } from "../../slurm/scontrol.ts";
import { type Look, lookAtEverything } from "../inspect/look.ts";
import { dropPrivileges } from "./privileges.ts";
import {
  type ConnectionFlags,
  type Environment,
  findCluster,
  loadSettingsOf,
  settingsProblems,
  userAgent,
} from "./setup.ts";

/** What a command works with once it has looked. */
interface Inspection {
  readonly look: Look;
  readonly loaded: LoadedSettings;
  readonly api: Api;
  readonly cluster: SlurmClusterRef;
}

/** Looks at everything. Throws a SettingsError. */
export async function inspect(
  flags: ConnectionFlags,
  env: Environment,
  onProgress: (message: string) => void,
): Promise<Inspection> {
  const loaded = await loadSettingsOf(env);
  dropPrivileges(loaded);
  const { cluster, connection } = await findCluster(flags, env, loaded);
  const api = createApi(connection, { userAgent, connections: 2, now: Date.now });
  const look = await lookAtEverything({
    cluster,
    socket: loaded.settings.copilotSocket,
    api,
    scontrol: createScontrol({ path: loaded.settings.scontrol, env, now: Date.now }),
    limits: loaded.settings,
    settingsProblems: settingsProblems(loaded),
    now: Date.now,
    signal: AbortSignal.timeout(30_000),
    onProgress,
  });
  return { look, loaded, api, cluster };
}
