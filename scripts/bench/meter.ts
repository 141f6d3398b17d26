/** What single runs of programs cost. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What one run of a program came to. */
export interface Measured {
  /** Status as wait(2) gives it: 0 for exit code 0. */
  readonly status: number;
  /** Milliseconds from fork to exit. */
  readonly wall: number;
  /** Milliseconds of CPU time, user and system, of the program and what it waited for. */
  readonly cpu: number;
  /** Peak resident memory in MB (10^6 bytes). Never below the 10 MB of the process that forks. */
  readonly memory: number;
}

/** Runs programs as slurmctld does, one at a time. */
export interface Meter {
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<Measured>;
  stop(): Promise<void>;
}

/** Starts a meter whose programs run as user slurm. `inside` gives the arguments of nsenter(1) that run a command in a Pod. */
export function startMeter(inside: (...command: readonly string[]) => string[]): Meter {
  const asSlurm = ["setpriv", "--reuid", "slurm", "--regid", "slurm", "--clear-groups", "--"];
  const child = spawn("nsenter", inside(...asSlurm, "perl", join(import.meta.dirname, "measure.pl")), {
    cwd: "/",
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    run: async (command, env = {}) => {
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      child.stdin.write(`${[variables.length, ...variables, ...command].join("\x1f")}\n`);
      const { value } = await lines.next();
      if (value === undefined) throw new Error("the meter has ended: see what it wrote to standard error");
      const [status = Number.NaN, wall = 0, cpu = 0, memory = 0] = value.split(" ").map(Number);
      return { status, wall: wall / 1000, cpu: cpu / 1000, memory: memory * 1.024e-3 };
    },
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
