/** What a program finds in the head Pod, on this machine: its own /etc, /var and /run in a mount namespace of its own. */
import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A stand-in for the head Pod's file system; nothing that is written in it reaches the machine. */
export interface Pod {
  /** Writes a file that belongs to user slurm; the path is absolute, below /etc, /var or /run. */
  write(path: string, text: string): Promise<void>;
  /** Reads a file; "" when it is not there. */
  read(path: string): Promise<string>;
  /** Starts a program exactly as slurmctld 22.05 does and waits for it. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** A {@link Pod} that is there until it is stopped. */
export interface StartedPod extends Pod {
  /** The arguments with which nsenter(1) runs a command with the Pod's file system, as this user. */
  inside(...command: readonly string[]): string[];
  stop(): Promise<void>;
}

/** How a program is started in a {@link Pod}. */
interface RunOptions {
  /** @default {} — as slurmctld passes SLURM_CONF and little else */
  readonly env?: Readonly<Record<string, string>>;
  /** @default "/" */
  readonly cwd?: string;
  /** Called with the process id as soon as there is one. */
  readonly onStart?: (pid: number) => void;
}

/** How a program ended. */
interface RunResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly milliseconds: number;
}

const run = promisify(execFile);

/** Makes the mounts of a namespace and holds it until its standard input ends, as it does when this process is gone. */
const holdNamespace = `
set -eu
root=$1
for folder in etc var; do
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$root/$folder,workdir=$root/work-$folder" "/$folder"
done
install -d -o slurm -g slurm -m 0750 "$root/run/slurm-power-agent"
mount --bind "$root/run" /run
echo ready
read -r _ || true
`;

/**
 * Becomes the program: user slurm, an empty environment but for the arguments, signals blocked as in slurmctld's power-saving thread,
 * and the file descriptors 0, 1 and 2 closed (Slurm 22.05 src/slurmctld/power_save.c).
 */
const asSlurmctldDoes = `
cd "$1"; shift
exec setpriv --reuid slurm --regid slurm --clear-groups \\
  env -i --block-signal=HUP,INT,QUIT,ABRT,USR1,USR2,PIPE,ALRM,TERM,CHLD,TSTP,XCPU "$@" <&- >&- 2>&-
`;

/** Makes a Pod with the given files; see {@link podFiles} for the usual ones. */
export async function startPod(files: Readonly<Record<string, string>>): Promise<StartedPod> {
  const root = await mkdtemp(join(tmpdir(), "pod-"));
  await chmod(root, 0o755);
  for (const folder of ["etc", "var", "run", "work-etc", "work-var"]) await mkdir(join(root, folder));
  const holder = spawn(
    "unshare",
    ["--mount", "--propagation", "private", "bash", "--norc", "-c", holdNamespace, "bash", root],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  await new Promise((resolve, reject) => {
    holder.stdout.once("data", resolve);
    holder.once("exit", () => reject(new Error("cannot make a mount namespace with overlays: root is needed")));
  });
  const inside = (...command: readonly string[]): string[] => [`--mount=/proc/${holder.pid}/ns/mnt`, ...command];
  const write = async (path: string, text: string): Promise<void> => {
    // Not into the overlay's upper folder: what is changed there behind a mount's back may not be seen through it.
    const staged = join(root, `staged-${randomUUID()}`);
    await writeFile(staged, text);
    await run("nsenter", inside("install", "-D", "-o", "slurm", "-g", "slurm", "-m", "0644", staged, path));
  };
  // The head image makes these for SlurmUser; a Debian machine does not.
  const logs = { "/var/log/slurm-resume.log": "", "/var/log/slurm-suspend.log": "" };
  for (const [path, text] of Object.entries({ ...logs, ...files })) await write(path, text);
  return {
    inside,
    stop: async () => {
      holder.stdin.end();
      await once(holder, "exit");
      await rm(root, { recursive: true, force: true });
    },
    write,
    read: async (path) => {
      try {
        return await readFile(join(root, path), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
        throw error;
      }
    },
    run: (program, args, { env = {}, cwd = "/", onStart } = {}) =>
      new Promise((resolve, reject) => {
        const started = performance.now();
        const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
        // With a socket as standard input, as pipes of Node are, bash takes itself for run by a remote shell daemon, and reads ~/.bashrc.
        const command = ["bash", "--norc", "-c", asSlurmctldDoes, "bash", cwd, ...variables, program, ...args];
        const child = spawn("nsenter", inside(...command), { stdio: "inherit" });
        child.once("error", reject);
        child.once("exit", (exitCode, signal) =>
          resolve({ exitCode, signal, milliseconds: performance.now() - started }),
        );
        if (child.pid !== undefined) onStart?.(child.pid);
      }),
  };
}

/** The files that Kubernetes and the operator put into the head Pod of a cluster. */
export async function podFiles(facts: {
  readonly namespace: string;
  readonly cluster: string;
  readonly token: string;
  readonly caFile: string;
  readonly port: number;
}): Promise<Record<string, string>> {
  const account = "/run/secrets/kubernetes.io/serviceaccount";
  return {
    [`${account}/token`]: facts.token,
    [`${account}/ca.crt`]: await readFile(facts.caFile, "utf8"),
    [`${account}/namespace`]: facts.namespace,
    "/etc/slurmd-podinfo/namespace": facts.namespace,
    "/etc/slurmd-podinfo/labels": `kai.alibabacloud.com/slurm-cluster="${facts.cluster}"\nkai.alibabacloud.com/slurm-node-type="head"`,
    "/var/k8s-info/k8s_svc_host": "127.0.0.1\n",
    "/var/k8s-info/k8s_svc_port": `${facts.port}\n`,
  };
}
