/** The command line of the programs that slurmctld runs: arguments in, exit code out. */
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { isatty } from "node:tty";
import { parseResumeFile, type ResumeFile } from "../slurm/resume-file.ts";
import type { System, Verb } from "./invocation.ts";
import type { ParsedArguments } from "./power-options.ts";
import { logUsageError, runPowerProgram } from "./power-program.ts";

/** Runs a program with this process's arguments and environment, and ends the process with its exit code. */
export async function runPowerCommand(verb: Verb, summary: string): Promise<void> {
  // First of all: the file lives in slurmctld's memory and is gone when slurmctld is.
  const resumeFile = verb === "resume" ? readResumeFile(process.env.SLURM_RESUME_FILE) : undefined;
  // Not left to the event loop: a login program of a kubeconfig that hangs would keep the process from ending.
  process.exit(await run(verb, summary, resumeFile));
}

async function run(verb: Verb, summary: string, resumeFile: ResumeFile | undefined): Promise<number> {
  const { env } = process;
  const parsed = await readArguments(verb, summary, process.argv.slice(2));
  if (!("exitCode" in parsed)) return await runPowerProgram(verb, { ...parsed, env, resumeFile }, system);
  if (parsed.exitCode === 2) await logUsageError(verb, env, system, parsed.message);
  return parsed.exitCode;
}

/** slurmctld passes a hostlist, and features when a job asks for a reboot: for that no option parser is loaded, which takes time. */
async function readArguments(verb: Verb, summary: string, args: readonly string[]): Promise<ParsedArguments> {
  const [hostlist] = args;
  if (hostlist !== undefined && args.length <= 2 && !args.some((arg) => arg.startsWith("-"))) {
    return { hostlist, flags: {} };
  }
  // Only here is anything printed, and a reader that is gone, such as `head`, is no defect.
  process.stdout.on("error", () => {});
  const { parseArguments } = await import("./power-options.ts");
  return parseArguments(verb, summary, args);
}

const system: System = {
  now: Date.now,
  random: Math.random,
  sleep: (milliseconds) => setTimeout(milliseconds),
  print: (text) => process.stdout.write(text),
  interactive: isatty(2),
  onTerminate: (handler) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        handler(signal);
        process.exit(1);
      });
    }
  },
};

function readResumeFile(path: string | undefined): ResumeFile | undefined {
  if (path === undefined) return undefined;
  try {
    return parseResumeFile(readFileSync(path, "utf8"));
  } catch (error) {
    return { jobs: [], problems: [(error as Error).message] };
  }
}
