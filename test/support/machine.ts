/** A machine of its own within this one: files, host name, network and processes are separate, so that fixed paths and ports are free. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BackgroundProcess, startProcess } from "../../scripts/cluster/processes.ts";
import { waitFor } from "./wait-for.ts";

const execute = promisify(execFile);

/** What the machine is like. */
export interface MachineOptions {
  /** Folder that its files are taken from: `/`, or another Debian. Nothing that is written in the machine gets there. */
  readonly root: string;
  readonly hostName: string;
  /** More names by which it finds itself, as DNS would give them. */
  readonly otherNames: readonly string[];
}

/** A running machine. */
export interface Machine {
  /** Runs a program as root and resolves to its output. @throws what execFile does, with `stderr`, on exit code > 0 */
  run(program: string, ...args: readonly string[]): Promise<string>;
  /** Runs a bash script as root, for set-up; its arguments are $1 and on. */
  script(text: string, ...args: readonly string[]): Promise<string>;
  /** Starts a daemon in the foreground. */
  start(name: string, program: string, ...args: readonly string[]): Promise<Daemon>;
  /** Ends all that runs in it and forgets its files. */
  stop(): Promise<void>;
}

/** A daemon of a {@link Machine}. */
export interface Daemon extends BackgroundProcess {
  /** All that it wrote so far. */
  log(): Promise<string>;
}

/**
 * Process 1 of the machine. Its address is not 127.0.0.1: Slurm asks getaddrinfo for addresses of configured networks only
 * (AI_ADDRCONFIG), and a loopback address does not count as one.
 */
const boot = `
set -eu
place=$1 root=$2 name=$3; shift 3
mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$place/upper,workdir=$place/work" "$place/root"
cd "$place/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --bind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
hostname "$name"
ip link set lo up
ip address add 192.0.2.1/32 dev lo
printf '127.0.0.1 localhost\\n192.0.2.1 %s\\n' "$name $*" >etc/hosts
echo ready
exec sleep infinity
`;

/** Starts a machine; needs root. @throws Error with what it said when it does not come up */
export async function startMachine({ root, hostName, otherNames }: MachineOptions): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), "machine-"));
  const place = await mkdtemp(join(folder, "place-"));
  const apart = ["--mount", "--uts", "--net", "--pid", "--ipc"];
  const holder = await startProcess({
    name: `machine ${hostName}`,
    program: "unshare",
    // When unshare is killed, so is process 1, and with that the kernel ends all of its namespace.
    args: [
      ...apart,
      ...["--fork", "--kill-child", "--propagation", "private"],
      "bash",
      "-c",
      boot,
      "bash",
      place,
    ].concat(root, hostName, otherNames),
    folder,
    logFile: join(folder, "machine.log"),
  });
  const stop = async () => {
    await holder.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(`machine ${hostName}`, holder.logTail, (log) => log.includes("ready"), 20_000);
  } catch (error) {
    await stop();
    throw error;
  }
  const [first = ""] = (await readFile(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8")).split(" ");
  const inside = (command: readonly string[]): string[] => [
    ...["--target", first, ...apart, "chroot", join(place, "root")],
    ...["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", ...command],
  ];
  const run = async (...command: readonly string[]) =>
    (await execute("nsenter", inside(command), { timeout: 60_000, maxBuffer: 1 << 26 })).stdout;
  return {
    run,
    script: (text, ...args) => run("bash", "-euo", "pipefail", "-c", text, "bash", ...args),
    start: async (name, ...command) => {
      const logFile = join(folder, `${name}.log`);
      const daemon = await startProcess({ name, program: "nsenter", args: inside(command), folder, logFile });
      return { ...daemon, log: () => readFile(logFile, "utf8") };
    },
    stop,
  };
}
