/** A real slurmctld-copilot beside a real slurmctld. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findUser } from "./slurm-place.ts";
import type { WholeSystem } from "./whole-system.ts";

/** A copilot that runs. */
export interface CopilotProcess {
  /** Sends it a signal and does not wait. */
  send(signal: NodeJS.Signals): void;
  /** Ends it; resolves to its exit code and how many milliseconds that took. */
  end(signal: NodeJS.Signals): Promise<{ exitCode: number | null; milliseconds: number }>;
}

/**
 * Starts the copilot as user slurm, as the head image does; it writes its log beside the system's others. With `options` it is on a host
 * of another name, or has another slurm.conf, beside which its settings lie.
 */
export async function startCopilot(
  installation: string,
  system: WholeSystem,
  options: { readonly hostname?: string; readonly confFile?: string } = {},
): Promise<CopilotProcess> {
  const { uid, gid } = await findUser("slurm");
  const { confFile = system.slurm.confFile, hostname } = options;
  const program = join(installation, "slurmctld-copilot");
  const env = { SLURM_CONF: confFile, PATH: "/usr/bin:/bin" };
  const asSlurm = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", program];
  const elsewhere = ["--uts", "sh", "-c", 'hostname "$1"; shift; exec "$@"', "sh", hostname ?? "", ...asSlurm];
  const child: ChildProcess =
    hostname === undefined
      ? spawn(program, [], { env, uid, gid, stdio: "ignore" })
      : spawn("unshare", elsewhere, { env, stdio: "ignore" });
  await once(child, "spawn");
  return {
    send: (signal) => void child.kill(signal),
    end: async (signal) => {
      const started = performance.now();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await once(child, "exit");
      }
      return { exitCode: child.exitCode, milliseconds: performance.now() - started };
    },
  };
}

/**
 * A folder of our programs in which some are replaced by one that does nothing and succeeds: for slurmctld they have run, and what they
 * should have done is lost, as when they are killed before their PATCH.
 */
export async function installationThatLoses(installation: string, lost: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lossy-"));
  await chmod(folder, 0o755);
  for (const name of ["slurm-resume", "slurm-suspend", "slurm-resume-fail"]) {
    await symlink(lost.includes(name) ? "/bin/true" : join(installation, name), join(folder, name));
  }
  return folder;
}
