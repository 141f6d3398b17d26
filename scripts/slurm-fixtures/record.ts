/** Runs one real Slurm after another and writes down what its scontrol prints. */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Slurm, startSlurm } from "../../test/support/slurm.ts";
import type { SlurmOptions } from "../../test/support/slurm-conf.ts";
import { arrange, scenarioOptions } from "./scenario.ts";

const execute = promisify(execFile);

/** What `recording.json` says of one run of scontrol, whose standard output is in the file of the same name. */
interface RecordedRun {
  readonly arguments: string;
  readonly exitCode: number;
  readonly stderr: string;
  readonly milliseconds: number;
}

const show = (what: string) => ["--all", "--future", "--oneliner", "show", what];
const [node, partition, config] = [show("node"), show("partition"), show("config")];

/**
 * Records everything with the Slurm that is installed in this file system, into `<folder>/<version>`.
 *
 * @param folder holds a folder for each Slurm version, such as 22.05
 * @returns the folder that was written
 */
export async function recordInstalledSlurm(folder: string): Promise<string> {
  // scontrol --version would ask for a slurm.conf first.
  const { stdout } = await execute("slurmctld", ["-V"]);
  const version = /^slurm-wlm (\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`slurmctld -V says ${JSON.stringify(stdout)}`);
  const target = join(folder, version);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const startedAt = Math.floor(Date.now() / 1000);
  const runs: Record<string, RecordedRun> = {};
  const programs = await makePrograms();
  const record = async ({ env }: Slurm, name: string, args: readonly string[]) => {
    const started = performance.now();
    const result = await execute("scontrol", args, { env: { ...env, TZ: "UTC0" }, timeout: 60_000 }).then(
      (output) => ({ ...output, exitCode: 0 }),
      (error: { code: number; stdout: string; stderr: string }) => ({ ...error, exitCode: error.code }),
    );
    await writeFile(join(target, `${name}.txt`), result.stdout);
    const milliseconds = Math.round(performance.now() - started);
    runs[name] = { arguments: args.join(" "), exitCode: result.exitCode, stderr: result.stderr, milliseconds };
  };
  const withSlurm = async (options: SlurmOptions, work: (slurm: Slurm) => Promise<void>) => {
    const slurm = await startSlurm(options);
    try {
      await work(slurm);
    } finally {
      await slurm.stop();
    }
  };
  const small = { clusterName: "demo", groups: { cpu: 3 } };
  try {
    await withSlurm(scenarioOptions(programs.valid), async (slurm) => {
      await arrange(slurm);
      await record(slurm, "show-node", node);
      await record(slurm, "show-partition", partition);
      await record(slurm, "show-config", config);
      await record(slurm, "ping", ["ping"]);
      await slurm.killController("SIGTERM");
      await record(slurm, "ping-down", ["ping"]);
      await record(slurm, "show-node-down", node);
      await record(slurm, "show-config-down", config);
    });
    await withSlurm({ ...small, programs: programs.valid, showPoweredDownNodes: false }, async (slurm) => {
      await record(slurm, "show-node-without-private-data", node);
      await record(slurm, "show-partition-without-private-data", partition);
      await record(slurm, "show-config-without-private-data", config);
    });
    await withSlurm({ ...small, extraLines: ["SlurmctldHost=spare(192.0.2.1)"] }, async (slurm) => {
      await record(slurm, "ping-with-backup", ["ping"]);
      await record(slurm, "show-config-without-programs", config);
      await record(slurm, "show-partition-without-programs", partition);
    });
    await withSlurm({ ...small, programs: programs.valid, suspendTime: -1 }, async (slurm) => {
      await record(slurm, "show-config-infinite", config);
      await record(slurm, "show-partition-infinite", partition);
    });
    await withSlurm({ ...small, programs: programs.writableByAll }, async (slurm) => {
      await record(slurm, "show-config-bad-program", config);
    });
  } finally {
    await rm(programs.folder, { recursive: true });
  }
  const recording = { version, startedAt, endedAt: Math.ceil(Date.now() / 1000), runs };
  await writeFile(join(target, "recording.json"), `${JSON.stringify(recording, null, 2)}\n`);
  return target;
}

/** Programs for slurmctld that do nothing, and a pair that it refuses because anyone might change it. */
async function makePrograms() {
  const folder = await mkdtemp(join(tmpdir(), "programs-"));
  await chmod(folder, 0o755);
  const make = async (name: string, mode: number) => {
    const path = join(folder, name);
    await writeFile(path, "#!/bin/sh\n");
    await chmod(path, mode);
    return path;
  };
  const [resume, suspend, resumeFail] = [
    await make("resume", 0o755),
    await make("suspend", 0o755),
    await make("resume-fail", 0o755),
  ];
  const bad = await make("writable-by-all", 0o777);
  return { folder, valid: { resume, suspend, resumeFail }, writableByAll: { resume: bad, suspend: bad } };
}
