import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findUser } from "../../test/support/slurm-place.ts";
import { startWholeSystem } from "../../test/support/whole-system.ts";
import { cleanUpAtExit } from "../cluster/cleanup.ts";
import { startControlPlane } from "../cluster/control-plane.ts";
import type { Environment } from "./environment.ts";
import { apiView, kubectlView } from "./kubernetes-view.ts";
import type { Screen, Shown } from "./screen.ts";
import { autoscalingSteps, type LogName } from "./steps.ts";

/** The name in the documentation of the log messages. */
const cluster = "slurm-demo";
const nodeCount = 11;
/** Short, so that the demo does not take long; a site would rather wait minutes. */
const suspendTime = 20;
/** The second command tells which node it runs on: all of the demo's nodes have this machine's host name. */
const jobScript = "#!/bin/sh\nsrun hostname\nsrun printenv SLURMD_NODENAME\n";

/**
 * Starts Slurm and a Kubernetes API without a node beside this process, with a stand-in for operator and kubelet, and tells the
 * user what. A call that rejects may leave programs running: they end with this process (see {@link cleanUpAtExit}).
 *
 * @param folder an existing folder that everybody may enter; the caller removes it
 */
export async function startQuickEnvironment(folder: string, screen: Screen): Promise<Environment> {
  screen.step("Build slurm-resume, slurm-suspend and slurm-resume-fail");
  const programs = join(folder, "programs");
  await screen.waiting("the build", 60_000, buildPrograms(programs));
  screen.proven(`the programs, with a Node of their own, are in ${programs}`);

  screen.step("Start etcd and kube-apiserver");
  const controlPlane = await screen.waiting("kube-apiserver", 60_000, startControlPlane());
  await controlPlane.applyCrd();
  screen.proven(`kube-apiserver answers at ${controlPlane.url} and serves the resource SlurmCluster`);

  screen.step("Start munged and slurmctld");
  const starting = startWholeSystem({
    controlPlane,
    installation: programs,
    clusterName: cluster,
    groups: { cpu: nodeCount },
    suspendTime,
    suspendTimeout: 5,
    resumeTimeout: 120,
  });
  const system = await screen.waiting("slurmctld", 60_000, starting);
  const { slurm, notes } = system;
  const logFolder = join(slurm.folder, "log");
  await system.writeSettings({
    resumeLog: join(logFolder, "slurm-resume.log"),
    suspendLog: join(logFolder, "slurm-suspend.log"),
  });
  screen.proven("slurmctld answers");
  const jobs = join(slurm.folder, "jobs");
  await writeFile(join(jobs, "job.sh"), jobScript);
  screen.note(`The commands below are run in ${jobs} with`);
  screen.command({ command: `export SLURM_CONF=${slurm.confFile}`, output: "" });
  screen.command({ command: `export KUBECONFIG=${controlPlane.adminKubeconfig}`, output: "" });

  const home = join(folder, "home");
  await mkdir(home);
  const kubectlEnvironment = { KUBECONFIG: controlPlane.adminKubeconfig, HOME: home };
  const asUser = { env: slurm.env, cwd: jobs, timeout: 60_000, ...(await findUser("nobody")) };
  const run = async (program: string, ...args: readonly string[]): Promise<Shown> => {
    const { stdout } = await promisify(execFile)(program, args, asUser);
    return { command: [program, ...args].join(" "), output: stdout };
  };
  const log = async (name: LogName): Promise<Shown> => {
    return { command: `cat ../log/${name}`, output: await readIfPresent(join(logFolder, name)) };
  };
  return {
    context: {
      namespace: "default",
      cluster,
      nodeCount,
      suspendTime,
      kubernetes:
        controlPlane.kubectl === undefined
          ? apiView(controlPlane, cluster)
          : kubectlView({ program: controlPlane.kubectl, options: [], env: kubectlEnvironment }, cluster),
      jobScript: "job.sh",
      run,
      jobOutput: (id) => run("cat", `slurm-${id}.out`),
      log,
      job: undefined,
    },
    steps: autoscalingSteps,
    logs: [
      { name: "slurm-resume.log", read: async () => (await log("slurm-resume.log")).output },
      { name: "slurm-suspend.log", read: async () => (await log("slurm-suspend.log")).output },
      {
        name: "slurmctld.log, without the scheduler's rounds",
        read: async () => (await log("slurmctld.log")).output.replace(/^.*\] debug: {2}sched: Running .*\n/gm, ""),
      },
      { name: "what the stand-in for operator and kubelet did", read: async () => notes.join("\n") },
    ],
    async stop() {
      await system.stop();
      await controlPlane.stop();
      return "all programs have ended";
    },
  };
}

/** Builds the executables with a Node of their own, where every user may run them: slurmctld does so as user slurm. */
async function buildPrograms(folder: string): Promise<void> {
  const script = join(import.meta.dirname, "../build.ts");
  const building = promisify(execFile)(process.execPath, [script, "--prefix", folder]);
  // Else a build that is under way would write on while, and after, the folder is removed.
  const forgetCleanup = cleanUpAtExit(() => building.child.kill("SIGKILL"));
  await building.finally(forgetCleanup);
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
