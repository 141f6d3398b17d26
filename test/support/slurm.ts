import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cleanUpAtExit } from "../../scripts/cluster/cleanup.ts";
import { type BackgroundProcess, startProcess } from "../../scripts/cluster/processes.ts";
import { killAllByEnvironment, killAllByEnvironmentNow } from "./kill-by-environment.ts";
import type { SlurmOptions } from "./slurm-conf.ts";
import { findUser, prepareSlurmPlace } from "./slurm-place.ts";
import { parseSlurmNode, parseSlurmRecord, type SlurmNode, type SlurmRecord } from "./slurm-record.ts";
import { waitFor } from "./wait-for.ts";

const execute = promisify(execFile);

/** Folders of those that this process has started and not stopped; see {@link Slurm.folder}. */
export const runningSlurms = new Set<string>();

/** A real munged and slurmctld on this machine, with nodes to be started at will. */
export interface Slurm {
  /** Holds everything of this run: slurm.conf, log/, state/, jobs/ … Removed by stop(). */
  readonly folder: string;
  readonly confFile: string;
  /** Environment for Slurm's commands: SLURM_CONF and PATH, nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** These three run as root and resolve to standard output. @throws what execFile does, with `stderr`, on exit code > 0 */
  scontrol(...args: string[]): Promise<string>;
  sinfo(...args: string[]): Promise<string>;
  squeue(...args: string[]): Promise<string>;
  /**
   * Submits a batch script as user `nobody` in the folder jobs/ and resolves to the job's id. Once its nodes are up it may
   * take up to 30 seconds more to start: slurmctld 22.05 looks for such jobs only that often (PERIODIC_TIMEOUT).
   */
  sbatch(script: string, ...options: string[]): Promise<number>;
  /** Runs a program as a job of user `nobody`, waits for it and resolves to its output. It starts as soon as its nodes are up. */
  srun(...args: string[]): Promise<string>;
  cancel(jobId: number): Promise<void>;
  job(jobId: number): Promise<SlurmRecord>;
  /** What the job has written so far; "" when it has not begun. */
  jobOutput(jobId: number): Promise<string>;
  node(name: string): Promise<SlurmNode>;
  /** All nodes that slurmctld shows. */
  nodes(): Promise<SlurmNode[]>;
  /** Waits at most `timeout` milliseconds. @throws Error that shows the last state */
  waitForJob(jobId: number, what: string, enough: (job: SlurmRecord) => boolean, timeout: number): Promise<SlurmRecord>;
  waitForNode(name: string, what: string, enough: (node: SlurmNode) => boolean, timeout: number): Promise<SlurmNode>;
  /**
   * Ends slurmctld with `signal` and waits until it is gone. After SIGKILL it forgets what it had not saved: seconds-old
   * changes of jobs and nodes.
   */
  killController(signal: NodeJS.Signals): Promise<void>;
  /** Freezes slurmctld, which then answers nobody, or lets it go on. */
  signalController(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Removes all that slurmctld has saved. It must not run. */
  wipeState(): Promise<void>;
  /** Ends slurmctld if it runs, starts it again and waits until it answers. It keeps its state. */
  restartController(): Promise<void>;
  /** The log from the beginning, all restarts included. */
  controllerLog(): Promise<string>;
  /** Starts `slurmd -b -N name` as a Pod would, a second from now, and resolves when it has started, which is just before it registers. */
  startSlurmd(nodeName: string): Promise<Slurmd>;
  /** Kills all daemons and jobs and removes the folder. May be repeated. */
  stop(): Promise<void>;
}

/** The slurmd of one node. */
export interface Slurmd {
  readonly nodeName: string;
  isRunning(): boolean;
  /** Ends slurmd and, as the end of a Pod does, all that it started: slurmstepd and jobs. May be repeated. */
  stop(): Promise<void>;
}

/**
 * Starts Slurm in a new folder under the system's temporary folder, on free ports; several may run at once.
 *
 * Must be called by root: slurmctld is started as root and drops to user slurm by itself, as in the head's image, and
 * slurmd needs root to run jobs as their users. When this process ends, by itself or by a signal, everything is killed and
 * removed; only SIGKILL to it leaves slurmctld and running jobs behind (the kernel forgets the parent's death signal of a
 * process that changes its user).
 *
 * @throws Error with the daemon's last output when one doesn't come up
 */
export async function startSlurm(options: SlurmOptions): Promise<Slurm> {
  const nobody = await findUser("nobody");
  const { folder } = await prepareSlurmPlace(options);
  const confFile = join(folder, "slurm.conf");
  const env = { SLURM_CONF: confFile, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const forgetCleanup = cleanUpAtExit(() => {
    killAllByEnvironmentNow({ SLURM_CONF: confFile });
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  runningSlurms.add(folder);
  const slurmds = new Set<Slurmd>();
  let controller: BackgroundProcess | undefined;

  /** Starts a daemon with our environment only, optionally as another user. */
  const startDaemon = (name: string, program: readonly string[], more: Record<string, string> = {}) => {
    const variables = Object.entries({ ...env, ...more }).map(([key, value]) => `${key}=${value}`);
    const logFile = join(folder, "log", `${name}.out`);
    return startProcess({
      name,
      program: "env",
      args: ["-i", ...variables, ...program],
      folder: join(folder, "log"),
      logFile,
    });
  };
  const startController = async () => {
    const started = await startDaemon("slurmctld", ["slurmctld", "-D", "-f", confFile]);
    controller = started;
    await untilUp(started, async () => (await run("scontrol", "ping")).includes("is UP"));
  };
  const killController = async (signal: NodeJS.Signals) => {
    if (controller !== undefined) await end(controller, signal, 15_000);
    controller = undefined;
  };
  const run = async (program: string, ...args: string[]) =>
    (await execute(program, args, { env, timeout: 60_000, maxBuffer: 1 << 28 })).stdout;
  const runAsNobody = (program: string, ...args: string[]) =>
    execute(program, args, { env, cwd: join(folder, "jobs"), timeout: 180_000, ...nobody });
  const lines = async (...args: string[]) => (await run("scontrol", "-o", ...args)).split("\n").filter(Boolean);
  const job = async (jobId: number) => parseSlurmRecord((await lines("show", "job", String(jobId)))[0] ?? "");
  const node = async (name: string) => parseSlurmNode((await lines("show", "node", name))[0] ?? "");

  const startSlurmd = async (nodeName: string): Promise<Slurmd> => {
    await mkdir(join(folder, "spool", nodeName), { recursive: true });
    // slurmctld may take a start within a second of the wake-up for one before it: see wait_for_boot_to_count in worker.bash.
    await sleep(1000);
    // What slurmd starts inherits this variable and jobs get it from Slurm: so one node's processes can be told apart.
    const own = { SLURMD_NODENAME: nodeName };
    const started = await startDaemon(nodeName, ["slurmd", "-D", "-b", "-N", nodeName, "-f", confFile], own);
    const slurmd: Slurmd = {
      nodeName,
      isRunning: () => started.isRunning(),
      async stop() {
        await end(started, "SIGTERM", 5000);
        await killAllByEnvironment({ SLURM_CONF: confFile, ...own });
        slurmds.delete(slurmd);
      },
    };
    slurmds.add(slurmd);
    await untilUp(started, async () => (await started.logTail()).includes("slurmd started on"));
    return slurmd;
  };
  const stop = async () => {
    await Promise.all([...slurmds].map((slurmd) => slurmd.stop()));
    await killController("SIGTERM");
    await killAllByEnvironment({ SLURM_CONF: confFile });
    runningSlurms.delete(folder);
    await rm(folder, { recursive: true, force: true });
    forgetCleanup();
  };

  try {
    const munge = join(folder, "munge");
    const munged = ["munged", "--foreground", "--key-file", `${munge}/munge.key`, "--socket", `${munge}/socket`];
    munged.push("--pid-file", `${munge}/pid`, "--log-file", `${munge}/log`, "--seed-file", `${munge}/seed`);
    const asMunge = ["setpriv", "--reuid", "munge", "--regid", "munge", "--clear-groups", "--pdeathsig", "KILL", "--"];
    const mungeDaemon = await startDaemon("munged", [...asMunge, ...munged]);
    await untilUp(mungeDaemon, () => existsSync(`${munge}/socket`));
    await startController();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    folder,
    confFile,
    env,
    scontrol: (...args) => run("scontrol", ...args),
    sinfo: (...args) => run("sinfo", ...args),
    squeue: (...args) => run("squeue", ...args),
    async sbatch(script, ...args) {
      const running = runAsNobody("sbatch", "--parsable", ...args);
      running.child.stdin?.end(script);
      return Number((await running).stdout);
    },
    srun: async (...args) => (await runAsNobody("srun", ...args)).stdout,
    cancel: async (jobId) => void (await run("scancel", String(jobId))),
    job,
    async jobOutput(jobId) {
      const path = (await job(jobId)).StdOut ?? "";
      return existsSync(path) ? readFile(path, "utf8") : "";
    },
    node,
    nodes: async () => (await lines("show", "node")).map(parseSlurmNode),
    waitForJob: (jobId, what, enough, timeout) => waitFor(`job ${jobId}: ${what}`, () => job(jobId), enough, timeout),
    waitForNode: (name, what, enough, timeout) => waitFor(`node ${name}: ${what}`, () => node(name), enough, timeout),
    killController,
    signalController: (signal) => controller?.signal(signal),
    async wipeState() {
      const state = join(folder, "state");
      for (const name of await readdir(state)) await rm(join(state, name), { recursive: true });
    },
    async restartController() {
      await killController("SIGTERM");
      await startController();
    },
    controllerLog: () => readFile(join(folder, "log", "slurmctld.log"), "utf8"),
    startSlurmd,
    stop,
  };
}

/** Waits until a daemon is up. @throws Error with its last output when it ends before or takes more than 20 seconds */
async function untilUp(daemon: BackgroundProcess, isUp: () => boolean | Promise<boolean>): Promise<void> {
  try {
    const state = async () => ({ running: daemon.isRunning(), up: daemon.isRunning() && (await isUp()) });
    const seen = await waitFor(`${daemon.name} to come up`, state, ({ running, up }) => up || !running, 20_000);
    if (!seen.running) throw new Error(`${daemon.name} ended`);
  } catch (error) {
    throw new Error(`${daemon.name} did not come up:\n${await daemon.logTail()}`, { cause: error });
  }
}

/** Ends a daemon: `signal` first, SIGKILL when it still runs after `patience` milliseconds. */
async function end(daemon: BackgroundProcess, signal: NodeJS.Signals, patience: number): Promise<void> {
  if (daemon.isRunning()) daemon.signal(signal);
  await waitFor(
    `${daemon.name} to end`,
    () => daemon.isRunning(),
    (running) => !running,
    patience,
  ).catch(() => undefined);
  await daemon.kill();
}
