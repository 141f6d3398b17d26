import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { cleanUpAtExit } from "./cleanup.ts";

/** A server that runs in the background until it is killed or this process ends. */
export interface BackgroundProcess {
  readonly name: string;
  readonly pid: number;
  /** False once the program has ended, for whatever reason. */
  isRunning(): boolean;
  /** Resolves when the program has ended. */
  readonly ended: Promise<void>;
  /** @throws Error when the program has ended */
  signal(signal: NodeJS.Signals): void;
  /**
   * Sends SIGSTOP and waits until all threads have stopped: one of them takes the signal, and only then are the others told to stop.
   *
   * @throws Error when the program has ended, or has not stopped within 10 s
   */
  pause(): Promise<void>;
  /** Sends SIGKILL, which also ends a stopped process, and waits until the program is gone. Repeating it is harmless. */
  kill(): Promise<void>;
  /** The last 20 lines of the log, for error messages. */
  logTail(): Promise<string>;
}

/** What to run: arguments go to the program as they are, no shell reads them. */
export interface ProcessOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Working folder of the program. */
  readonly folder: string;
  /** Receives standard output and error; appended to. */
  readonly logFile: string;
}

/**
 * Starts a program in a session of its own, so that Ctrl-C in a terminal reaches only this process, which can then
 * clean up in its own order.
 * The program never outlives this process: it is killed at exit (see {@link cleanUpAtExit}), and by the kernel
 * (`setpriv --pdeathsig`, from util-linux) when this process itself is killed with SIGKILL.
 *
 * @throws Error when the program cannot be started
 */
export async function startProcess(options: ProcessOptions): Promise<BackgroundProcess> {
  const log = openSync(options.logFile, "a", 0o600);
  let child: ChildProcess;
  try {
    child = spawn("/usr/bin/setpriv", ["--pdeathsig", "KILL", "--", options.program, ...options.args], {
      cwd: options.folder,
      detached: true,
      stdio: ["ignore", log, log],
    });
  } finally {
    closeSync(log);
  }
  const forgetCleanup = cleanUpAtExit(() => child.kill("SIGKILL"));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    await once(child, "spawn");
  } catch (error) {
    forgetCleanup();
    throw new Error(`${options.name} cannot be started`, { cause: error });
  }
  void ended.then(forgetCleanup);
  const pid = child.pid as number; // always set after "spawn"
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const described = `${options.name} (process ${pid})`;
  const signal = (name: NodeJS.Signals): void => {
    if (!child.kill(name)) throw new Error(`${described} has ended`);
  };
  return {
    name: options.name,
    pid,
    isRunning,
    ended,
    signal,
    pause: async () => {
      signal("SIGSTOP");
      const end = performance.now() + 10_000;
      while (!(await isStopped(pid))) {
        if (!isRunning()) throw new Error(`${described} has ended`);
        if (performance.now() > end) throw new Error(`${described} does not stop`);
        await sleep(1);
      }
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    logTail: async () => (await readFile(options.logFile, "utf8")).trimEnd().split("\n").slice(-20).join("\n"),
  };
}

/** Whether each thread of the process is stopped: state T, the first field after the name in brackets (proc(5)). */
async function isStopped(pid: number): Promise<boolean> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")));
    return stats.every((stat) => stat.slice(stat.lastIndexOf(")")).startsWith(") T "));
  } catch {
    // A thread, or the process, has ended meanwhile: the next look has it no more.
    return false;
  }
}
