/** The programs that slurm.conf names: the files, and what those of ours answer. */
import { execFile } from "node:child_process";
import { open, realpath } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { isBefore } from "../../../slurm/config.ts";
import type { ConfigDetail } from "../../../slurm/config-detail.ts";
import type { ProgramFact, ProgramSetting, User } from "../facts.ts";
import { lookAt } from "./paths.ts";

/** How much of a file is read: our executables and any script that leads to them are shorter. */
const BEGINNING = 64 * 1024;

/** Looks at all programs of slurm.conf, and runs those of ours with `--version`, as `user` where this process may. */
export async function findPrograms(config: ConfigDetail, user: User): Promise<readonly ProgramFact[]> {
  const { resume, resumeFail, suspend } = config.programs;
  const settings = { ResumeProgram: resume, SuspendProgram: suspend, ResumeFailProgram: resumeFail };
  return await Promise.all(
    Object.entries(settings).flatMap(([setting, value]) =>
      value === undefined ? [] : [findProgram(setting as ProgramSetting, value, config, user)],
    ),
  );
}

async function findProgram(
  setting: ProgramSetting,
  value: string,
  config: ConfigDetail,
  user: User,
): Promise<ProgramFact> {
  const wholeIsPath = isBefore(config.slurmVersion ?? "", 26, 5);
  const path = wholeIsPath ? value : (value.split(/\s/)[0] ?? "");
  const file = await lookAt(path);
  const text = file.status?.kind === "file" ? await beginningOf(path) : "";
  const [interpreter] = interpreterOf(text);
  const executable = await findOurs(path, text);
  const answer = executable && (await askVersion(executable.path, user, config.confFile));
  return {
    setting,
    value,
    file,
    ...(interpreter !== undefined && { interpreter: await lookAt(interpreter) }),
    ...(executable !== undefined && { ours: executable.name }),
    ...(answer !== undefined && { answer }),
  };
}

interface OurExecutable {
  readonly name: NonNullable<ProgramFact["ours"]>;
  readonly path: string;
}

const names: ReadonlySet<string> = new Set(["slurm-resume", "slurm-resume-fail", "slurm-suspend"]);

/** The file itself, whatever links lead to it, or the first of our executables that a script names by its whole path. */
async function findOurs(path: string, text: string): Promise<OurExecutable | undefined> {
  const real = await realpath(path).catch(() => path);
  if (isOurs(real, text)) return { name: basename(real) as OurExecutable["name"], path: real };
  for (const [named] of text.matchAll(/\/[\w./-]+\/slurm-(?:resume-fail|resume|suspend)(?![\w.-])/g)) {
    if (isOurs(named, await beginningOf(named))) return { name: basename(named) as OurExecutable["name"], path: named };
  }
  return undefined;
}

/** By its name and the interpreter line that the build gives it: other programs may have that name, and are never run by us. */
function isOurs(path: string, text: string): boolean {
  return names.has(basename(path)) && interpreterOf(text)[1] === "--use-openssl-ca";
}

/** The interpreter of a script and its argument, as Linux takes them from the first line. */
function interpreterOf(text: string): [path: string | undefined, argument: string | undefined] {
  const [, path, argument] = /^#![ \t]*(\S+)(?:[ \t]+(.*?))?[ \t]*(?:\n|$)/.exec(text) ?? [];
  return [path, argument];
}

async function beginningOf(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING), 0, BEGINNING, 0);
      return buffer.toString("latin1", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    // What we cannot read, SlurmUser may: its mode is what is checked.
    return "";
  }
}

/** As slurmctld runs it: with SLURM_CONF and nothing else. Only root can become another user. */
async function askVersion(
  path: string,
  { gids, uid }: User,
  confFile: string | undefined,
): Promise<NonNullable<ProgramFact["answer"]>> {
  const [gid] = gids;
  const identity = process.geteuid?.() === 0 && gid !== undefined ? { uid, gid } : {};
  const env = confFile === undefined ? {} : { SLURM_CONF: confFile };
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { env, cwd: "/", timeout: 10_000, ...identity });
    return { version: stdout.trim() };
  } catch (error) {
    const { message, stderr = "" } = error as Error & { stderr?: string };
    const lines = stderr.trim().split("\n");
    // Node ends what it says of an error with its own version.
    return { failure: (lines.find((line) => /^\w*Error: /.test(line)) ?? (lines.at(-1) || message)).trim() };
  }
}
