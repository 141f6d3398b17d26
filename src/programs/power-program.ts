/**
 * What slurm-resume, slurm-suspend and slurm-resume-fail do: one request flows from the hostlist through GET, plan and PATCH to the log
 * and the exit code. slurmctld calls these programs once, ignores their exit codes and may kill them, so every run gives up at its
 * deadline, says how it ended, and a repeat is harmless. Telling Slurm of failures may take 15 s more.
 */
import { expandHostlist, HostlistError } from "hostlist-parse";
import { podFiles } from "../kubernetes/in-cluster.ts";
import { findIdentity, type Identity } from "../settings/identity.ts";
import { type Log, openLog } from "../settings/log.ts";
import { loadSettings, type Settings, settingsFilePath } from "../settings/settings.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { foldNames } from "../slurm/node-name.ts";
import { version } from "../version.ts";
import { copilotTrouble } from "./copilot-alive.ts";
import { type FailedNode, folded, plannedCalls, tellSlurm } from "./failed-nodes.ts";
import type { Invocation, Run, System, Verb } from "./invocation.ts";
import { calledMessage, finishedMessage, identityMessage } from "./messages.ts";
import { type Recorded, recordNodes } from "./record-nodes.ts";
import { findWaitingJobs, readTail } from "./waiting-jobs.ts";

/** 0: everything recorded. 1: something failed, named in the log. 2: usage or settings. */
export type ExitCode = 0 | 1 | 2;

/** Runs one of the programs to its exit code. Never rejects: a defect of ours is logged and exit code 1. */
export async function runPowerProgram(verb: Verb, invocation: Invocation, system: System): Promise<ExitCode> {
  const { run, close } = await openRun(verb, invocation, system);
  const { log, started } = run;
  let result: Recorded = { recorded: 0, failed: [], unfinished: 0 };
  const end = (exitCode: ExitCode): ExitCode => {
    const counts = { recorded: result.recorded, failed: result.failed.length + result.unfinished };
    log.info(finishedMessage(verb, counts, system.now() - started, exitCode));
    close();
    return exitCode;
  };
  system.onTerminate((signal) => {
    log.error(`ended by ${signal} before it was done`);
    end(1);
  });
  try {
    const names = [...new Set(expandHostlist(invocation.hostlist))];
    result = await perform(run, names);
    await reportFailed(run, result.failed);
    if (!invocation.flags.dryRun && system.record === undefined) await logMissingCopilot(run);
    return end(exitCodeOf(result));
  } catch (error) {
    if (error instanceof HostlistError) {
      log.error(
        `bad hostlist "${error.expression}" at character ${error.position + 1}: ${error.reason}; nothing is recorded`,
      );
      return end(2);
    }
    log.error(`defect in slurm-${verb} ${version}, please report it: ${(error as Error).stack ?? String(error)}`);
    return end(1);
  }
}

/** Logs a call that could not be understood, for which there is nothing to run. */
export async function logUsageError(
  verb: Verb,
  env: Invocation["env"],
  system: System,
  message: string,
): Promise<void> {
  const { run, close } = await openRun(verb, { hostlist: "", flags: {}, env }, system);
  const { log, started } = run;
  log.error(`slurm-${verb} was called wrongly: ${message}`);
  log.info(finishedMessage(verb, { recorded: 0, failed: 0 }, system.now() - started, 2));
  close();
}

async function openRun(
  verb: Verb,
  invocation: Invocation,
  system: System,
): Promise<{ readonly run: Run; readonly close: () => void }> {
  const started = system.now();
  const { file, settings, problems } = await loadSettings(settingsFilePath(invocation.env));
  const id = Math.floor(system.random() * 0x1000000);
  const { log, close } = openLog({
    path: invocation.flags.dryRun ? undefined : logOf(verb, settings),
    format: settings.logFormat,
    program: `slurm-${verb}`,
    run: id.toString(16).padStart(6, "0"),
  });
  for (const { line, key, message } of problems) {
    log.error(`settings ${file}:${line}: ${key}${key && ": "}${message}; the default is used`);
  }
  const scontrol: Run["scontrol"] = async () => {
    const { createScontrol } = await import("../slurm/scontrol.ts");
    return createScontrol({ path: settings.scontrol, env: invocation.env, now: system.now });
  };
  return { run: { verb, invocation, system, settings, settingsFile: file, log, started, scontrol }, close };
}

async function perform(run: Run, names: readonly string[]): Promise<Recorded> {
  const { verb, invocation, log } = run;
  try {
    const identity = identify(run);
    log.info(identityMessage(identity));
    log.info(calledMessage(verb, invocation.hostlist));
    if (verb === "resume-fail") logWaitingJobs(run, names);
    return await recordNodes({ ...run, identity, names });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    log.error(`${verb} of ${foldNames(names)} failed: ${error.message}`);
    return {
      recorded: 0,
      failed: names.map((name) => ({ name, code: "Settings", message: error.message })),
      unfinished: 0,
    };
  }
}

function identify({ invocation, settings, settingsFile }: Run): Identity {
  const { env, flags } = invocation;
  return findIdentity({ flags, env, settings, settingsFile, podFiles });
}

function exitCodeOf({ failed, unfinished }: Recorded): ExitCode {
  if (failed.some(({ code }) => code === "Settings" || code === "Credentials")) return 2;
  return failed.length + unfinished === 0 ? 0 : 1;
}

/** slurmctld calls each of us once; whoever reads the log must know when nobody repeats what gets lost. */
async function logMissingCopilot({ settings, log }: Run): Promise<void> {
  const trouble = await copilotTrouble(settings.copilotSocket);
  if (trouble !== undefined) log.warn(`slurmctld-copilot ${trouble}: what gets lost is not repeated`);
}

function logOf(verb: Verb, settings: Settings): string {
  return verb === "suspend" ? settings.suspendLog : settings.resumeLog;
}

function logWaitingJobs({ settings, log }: { settings: Settings; log: Log }, names: readonly string[]): void {
  const jobs = findWaitingJobs(readTail(settings.resumeLog), new Set(names));
  for (const [waited, nodes] of Map.groupBy(names, (name) => jobs.get(name)?.join(", ") ?? "")) {
    const who = waited === "" ? "no job is known to have waited for it" : `job ${waited} waited for it`;
    log.warn(`node ${foldNames(nodes)} did not register within ResumeTimeout; ${who}`);
  }
}

/** Nodes being suspended are on their way down anyway, and those that ResumeFailProgram gets are DOWN already. */
async function reportFailed(
  { verb, invocation, system, log, scontrol }: Run,
  failed: readonly FailedNode[],
): Promise<void> {
  if (failed.length === 0 || verb !== "resume") return;
  if (invocation.flags.dryRun) {
    for (const call of plannedCalls(failed)) system.print(`${call}\n`);
  } else if (system.interactive) {
    log.warn(`run by hand, so Slurm is not told of ${folded(failed)}`);
  } else if (system.isAwaited?.() === false) {
    log.warn(`nobody waits for this run any more: slurm-${verb} tells Slurm what is to be told`);
  } else {
    await tellSlurm(await scontrol(), failed, log);
  }
}
