/** A copilot in a Pod without Slurm: its rounds do nothing, but hook scripts can hand their requests to it. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StartedPod } from "../../test/support/pod-namespace.ts";
import { waitFor } from "../../test/support/wait-for.ts";

/** Starts it as user slurm, and waits until it listens. Resolves to the function that ends it. */
export async function startPodCopilot({ inside }: StartedPod, installation: string): Promise<() => Promise<void>> {
  const asSlurm = ["setpriv", "--reuid", "slurm", "--regid", "slurm", "--clear-groups", "env", "-i"];
  const child = spawn("nsenter", inside(...asSlurm, join(installation, "slurmctld-copilot")), { stdio: "ignore" });
  const listens = async (): Promise<boolean> => {
    const socket = "/run/slurm-power-agent/copilot.sock";
    await promisify(execFile)("nsenter", inside("curl", "--silent", "--unix-socket", socket, "http://copilot/healthz"));
    return true;
  };
  await waitFor("the copilot to listen", listens, (answered) => answered, 20_000);
  return async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
}
