/** Where and with what something was measured. */
import { execFile } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";
import { findControlPlanePrograms } from "../cluster/programs.ts";

/** What a time depends on. */
export interface Machine {
  readonly cpu: string;
  readonly memory: string;
  readonly kernel: string;
  readonly node: string;
  readonly slurm: string;
  readonly kubernetes: string;
}

/** Describes this machine and the programs that were measured on it. */
export async function describeMachine(): Promise<Machine> {
  const { kubeApiserver } = await findControlPlanePrograms(process.env);
  const versionOf = async (program: string, ...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(program, args);
    return /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? stdout.trim();
  };
  return {
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    kernel: release(),
    node: process.versions.node,
    slurm: await versionOf("slurmctld", "-V"),
    kubernetes: await versionOf(kubeApiserver, "--version"),
  };
}
