/** The copilot as a process: rounds until a signal ends it, a socket and a port for those who ask. */
import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { isatty } from "node:tty";
import type { HttpServer } from "../../http/server.ts";
import { createEventRecorder, type RecordEvent } from "../../kubernetes/events.ts";
import { type Api, createApi } from "../../kubernetes/request.ts";
import type { SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import { recordTogether } from "../../scaling/merge.ts";
import { type Log, openLog } from "../../settings/log.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { createScontrol } from "../../slurm/scontrol.ts";
import { version } from "../../version.ts";
import { handOver } from "../hand-over.ts";
import { healthz, readyz } from "../health.ts";
import { type KubernetesWatch, watchKubernetes } from "../kubernetes-view.ts";
import { runLoop } from "../loop.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { observeApi, observeScontrol } from "../observation.ts";
import { firstState, type RoundContext, type RoundState, runRound } from "../round.ts";
import { chooseOne } from "../standby.ts";
import { type CopilotView, encodeView } from "../view.ts";
import { listen } from "./listen.ts";
import { usageOfThisProcess } from "./process-usage.ts";
import {
  type ConnectionFlags,
  type Environment,
  findCluster,
  loadSettingsOf,
  needRestart,
  programsElsewhere,
  settingsProblems,
  userAgent,
} from "./setup.ts";
import { sleepUntilAborted } from "./sleep.ts";

/** Flags of the copilot itself. */
export interface DaemonFlags extends ConnectionFlags {
  readonly once?: boolean;
  readonly dryRun?: boolean;
}

/** Longest time for one patch with its retries, in milliseconds: less than it takes slurmctld to use a parked node again by itself. */
const PATCH_BUDGET = 8000;

/** Longest that the end may take, in milliseconds: whoever ends us waits two seconds, on a machine that may be busy. */
const LAST_WORDS = 1000;

/** Runs the copilot until it is told to end; resolves to the exit code. */
export async function runDaemon(flags: DaemonFlags, env: Environment): Promise<number> {
  const startedAt = Date.now();
  const atStart = await loadSettingsOf(env);
  let loaded = atStart;
  const id = Math.floor(Math.random() * 0x1000000);
  const { log, reopen } = openLog({
    path: flags.dryRun ? undefined : loaded.settings.resumeLog,
    format: loaded.settings.logFormat,
    program: "slurmctld-copilot",
    run: id.toString(16).padStart(6, "0"),
  });
  for (const problem of settingsProblems(loaded)) log.error(problem);
  const ended = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ended.abort(signal));
  // Until the settings are read again, the old ones are as good as before.
  process.on("SIGHUP", () => {
    void loadSettingsOf(env).then((fresh) => {
      reopen(flags.dryRun ? undefined : fresh.settings.resumeLog);
      log.info("SIGHUP: log opened anew, settings read again");
      for (const problem of settingsProblems(fresh)) log.error(problem);
      for (const key of needRestart(atStart, fresh))
        log.warn(`settings: ${key} has changed; it counts after a restart`);
      loaded = fresh;
    });
  });
  const sleep = (milliseconds: number, signal = ended.signal) => sleepUntilAborted(milliseconds, signal);
  // Not cut short by a signal: what tries again would do so without a pause until the process ends.
  const patientSleep = (milliseconds: number): Promise<void> => setTimeout(milliseconds);
  let servers: readonly HttpServer[] = [];
  try {
    const { cluster, connection } = await findCluster(flags, env, loaded, (message) => log.warn(message));
    let wake = Promise.withResolvers<void>();
    let state: RoundState = firstState;
    let roundAt: number | undefined;
    const view = (): CopilotView => viewOf({ state, startedAt, roundAt, settingsProblems: settingsProblems(loaded) });
    let watch: KubernetesWatch | undefined;
    const { observe, scrape } = createMetrics({
      version,
      cluster: cluster.name,
      view,
      watches: () => watch?.lastContact() ?? {},
      usage: usageOfThisProcess,
      now: Date.now,
    });
    const connect = (): Api => observeApi(createApi(connection, { userAgent, now: Date.now }), observe, Date.now);
    const api = connect();
    log.info(`copilot ${version} of ${cluster.namespace}/${cluster.name} starts`);
    const actsOnItsOwn = flags.once !== true && flags.dryRun !== true;
    if (actsOnItsOwn) {
      const power = handOver({
        env,
        system: {
          now: Date.now,
          random: Math.random,
          sleep: patientSleep,
          print: () => {},
          interactive: false,
          // Whoever waits for an answer runs the program when this process ends.
          onTerminate: () => {},
          // With a connection of its own: what slurmctld wants does not wait for the rounds.
          record: recordTogether(cluster, connect(), () => watch?.view().resource),
        },
        objection: async () => {
          const fresh = await loadSettingsOf(env);
          const changed = needRestart(atStart, fresh);
          if (changed.length > 0) return `settings have changed: ${changed.join(", ")}`;
          return programsElsewhere(cluster, flags, env, fresh);
        },
      });
      servers = await listen({
        settings: loaded.settings,
        routes: {
          "/healthz": () => healthz(view(), Date.now()),
          "/readyz": () => readyz(view(), Date.now()),
          "/metrics": scrape,
        },
        ownRoutes: {
          "/v1/view": () => ({ contentType: "application/json", body: encodeView(view()) }),
          "/v1/power": power,
        },
        log,
        signal: ended.signal,
      });
      if (ended.signal.aborted) return 0;
    }
    watch = watchKubernetes(connection, cluster, {
      userAgent,
      now: Date.now,
      random: Math.random,
      sleep,
      signal: ended.signal,
      onChange: () => wake.resolve(),
      observe,
    });
    const standby = chooseOne({
      hostname: hostname(),
      signal: ended.signal,
      // With the Lease, a dry run that was left open would make the copilot itself stand by.
      ...(actsOnItsOwn && {
        lease: {
          api: connect(),
          namespace: cluster.namespace,
          name: `${cluster.name}-copilot`,
          identity: `${hostname()}-${id.toString(16).padStart(6, "0")}`,
          now: Date.now,
          monotonic: () => performance.now(),
          random: Math.random,
          sleep,
          onProblem: (message: string) => log.warn(message),
        },
      }),
    });
    const scontrolOptions = { path: loaded.settings.scontrol, env, now: Date.now };
    const context: RoundContext = {
      cluster,
      api,
      recordEvent: eventRecorder(api, cluster, log),
      makeScontrol: () => observeScontrol(createScontrol(scontrolOptions), observe, Date.now),
      kubernetes: watch.view,
      limits: () => loaded.settings,
      standby: standby.reason,
      observe,
      log,
      now: Date.now,
      random: Math.random,
      sleep: patientSleep,
      patchBudget: PATCH_BUDGET,
      dryRun: flags.dryRun === true,
    };
    // A watch that cannot be had is a problem that the rounds tell of.
    await Promise.race([watch.ready, sleep(10_000)]);
    if (flags.once === true) return await runOnce(context, ended.signal);
    await Promise.race([
      runLoop({
        ...context,
        signal: ended.signal,
        nextChange: async (milliseconds) => {
          await Promise.race([wake.promise, sleep(milliseconds)]);
          wake = Promise.withResolvers<void>();
        },
        onRound: (after, milliseconds) => {
          state = after;
          roundAt = Date.now();
          observe({ kind: "round", view: view(), milliseconds });
        },
      }).then(() => standby.ended()),
      // A round may hang in scontrol for longer than whoever ends us waits; what it has not done yet the next copilot does.
      new Promise((resolve) => ended.signal.addEventListener("abort", () => void setTimeout(LAST_WORDS).then(resolve))),
    ]);
    log.info(`copilot ended by ${String(ended.signal.reason)}`);
    return 0;
  } catch (error) {
    const isSettings = error instanceof SettingsError;
    const message = isSettings
      ? error.message
      : `defect in slurmctld-copilot ${version}, please report it: ${(error as Error).stack ?? String(error)}`;
    log.error(message);
    // Whoever started us, systemd say, should not have to look for the log first; at a terminal, and in a dry run, the log is here already.
    if (flags.dryRun !== true && !isatty(2)) process.stderr.write(`slurmctld-copilot: ${message}\n`);
    return isSettings ? 2 : 1;
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}

/** Two looks that lie apart: a rule takes nothing seen but once for more than a moment between two steps of somebody else. */
async function runOnce(context: RoundContext, signal: AbortSignal): Promise<number> {
  const first = await runRound(firstState, context);
  if (first.standby !== undefined) return refuseOnce(context);
  await sleepUntilAborted(6000, signal);
  if (signal.aborted) return 1;
  const { problem, standby } = await runRound(first, context);
  if (standby !== undefined) return refuseOnce(context);
  return problem === undefined ? 0 : 1;
}

/** The round has said where slurmctld serves; what would be done there is for a copilot there to say and do. */
function refuseOnce({ log }: RoundContext): number {
  log.error("--once does nothing on a host whose slurmctld does not serve: run it where it does");
  return 1;
}

function viewOf(now: {
  readonly state: RoundState;
  readonly startedAt: number;
  readonly roundAt: number | undefined;
  readonly settingsProblems: readonly string[];
}): CopilotView {
  const { memory, last, problem, standby } = now.state;
  return {
    version,
    startedAt: now.startedAt,
    settingsProblems: now.settingsProblems,
    memory,
    ...(now.roundAt !== undefined && { roundAt: now.roundAt }),
    ...(problem !== undefined && { problem }),
    ...(standby !== undefined && { standby }),
    ...(last !== undefined && { last }),
  };
}

/** Records Events about the SlurmCluster of this name, which may be deleted and made anew under us. */
function eventRecorder(api: Api, { namespace, name }: SlurmClusterRef, log: Log): RoundContext["recordEvent"] {
  const recorders = new Map<string, RecordEvent>();
  return async (uid, text) => {
    const recorder =
      recorders.get(uid) ??
      createEventRecorder({
        api,
        object: { apiVersion: "kai.alibabacloud.com/v1", kind: "SlurmCluster", namespace, name, uid },
        component: "slurmctld-copilot",
        now: Date.now,
        random: Math.random,
        onProblem: (message) => log.warn(message),
      });
    recorders.set(uid, recorder);
    await recorder(text);
  };
}
