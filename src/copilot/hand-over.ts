/**
 * Requests of slurmctld that its hook scripts hand to the running copilot: the very same run as the program's own, without the start of a
 * process and of a connection. Whoever gets no answer runs the program, and doing both at the same time is harmless. Doing one later is
 * not: a copilot that was frozen finds requests of long ago in its socket. So a request counts only while its sender waits.
 */
import type { IncomingMessage } from "node:http";
import type { HttpRoute } from "../http/server.ts";
import type { System, Verb } from "../programs/invocation.ts";
import { runPowerProgram } from "../programs/power-program.ts";
import { parseResumeFile } from "../slurm/resume-file.ts";

/** What runs of handed-over requests need. */
export interface HandOverContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly system: System;
  /** Why a program would do something else than this copilot can at this moment, if so: its settings have changed, say. */
  readonly objection: () => Promise<string | undefined>;
}

/** More than the argument that Linux passes to a program (128 KiB) with the resume file of 65,536 nodes beside it, in bytes. */
const LARGEST = 64 * 1024 * 1024;

/** What slurmctld names in SLURM_CONF also where nobody has set it; the copilot beside it may have none then. */
const defaultConf = "/etc/slurm/slurm.conf";

const verbs: ReadonlySet<string> = new Set<Verb>(["resume", "suspend", "resume-fail"]);

/**
 * POST of a form: `verb`, `hostlist`, `conf` (SLURM_CONF as slurmctld passed it) and `resumeFile` (its text). Answers 200 with the exit
 * code when the run has ended, and 4xx when the program must be run instead.
 */
export function handOver({ env, system, objection }: HandOverContext): HttpRoute {
  return async (request) => {
    if (request.method !== "POST") return { status: 405, body: "POST\n" };
    const form = new URLSearchParams(await textOf(request));
    const [verb, hostlist] = [form.get("verb") ?? "", form.get("hostlist")];
    if (!verbs.has(verb) || hostlist === null) return { status: 400, body: "verb and hostlist are needed\n" };
    const conf = form.get("conf") || defaultConf;
    if (conf !== (env.SLURM_CONF || defaultConf)) return { status: 409, body: "another slurm.conf\n" };
    const why = await objection();
    if (why !== undefined) return { status: 409, body: `${why}\n` };
    const text = form.get("resumeFile");
    const resumeFile = text === null ? undefined : parseResumeFile(text);
    // Nothing else of our environment: slurmctld gives its programs no more.
    const invocation = { hostlist, flags: {}, env: { SLURM_CONF: env.SLURM_CONF }, resumeFile };
    const isAwaited = (): boolean => !request.socket.destroyed && !request.socket.readableEnded;
    return { body: String(await runPowerProgram(verb as Verb, invocation, { ...system, isAwaited })) };
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > LARGEST) throw new Error("the request is too large");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
