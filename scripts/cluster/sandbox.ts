import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type BackgroundProcess, type ProcessOptions, startProcess } from "./processes.ts";

/**
 * Linux namespaces for processes, mounts and the network, in which a cluster's node runs. When the first process in there
 * ends the kernel ends all others, and with them go their mounts, network devices and iptables rules: nothing can be left.
 */
export interface Sandbox {
  /** The address of the host as the sandbox sees it: all of the world that can be reached from in there. */
  readonly hostAddress: string;
  /** The address of the sandbox as the host sees it. */
  readonly address: string;
  /** Addresses that lead into the sandbox, for Pods; the host has the route. */
  readonly podRange: string;
  /** Also the name of the host's end of the cable: no other sandbox of this machine has it while this one lives. */
  readonly name: string;
  /** Runs a program in the sandbox and waits for its end. */
  readonly run: (program: string, args: readonly string[]) => Promise<string>;
  /** As {@link startProcess}, in the sandbox; process ids are those of the host. */
  readonly start: (options: ProcessOptions) => Promise<BackgroundProcess>;
  /** Ends all programs in the sandbox, and so the sandbox. Repeating it is harmless. */
  readonly stop: () => Promise<void>;
}

/** What a sandbox is made of. */
interface SandboxOptions {
  /** Gets the log, and what the sandbox has as /tmp and /var/log. Must be outside of /run, /tmp, /var/lib and /var/log. */
  readonly folder: string;
  /** Addresses of Services, which mean something in the sandbox only. */
  readonly serviceRange: string;
  /** The program that is process 1 in the sandbox: must reap what other processes leave, and do nothing else. */
  readonly init: string;
}

const run = promisify(execFile);

/** As many sandboxes a machine can have at a time. */
const sandboxLimit = 16;

/**
 * Makes a sandbox with a cable to the host. In it, /run and /var/lib are empty, and /tmp and /var/log lie in the folder: the
 * node's programs have fixed paths in there, which must stay apart from the machine's.
 *
 * @throws Error when namespaces cannot be made, or {@link sandboxLimit} sandboxes run already
 */
export async function startSandbox({ folder, serviceRange, init }: SandboxOptions): Promise<Sandbox> {
  const holder = await startProcess({
    name: "sandbox",
    program: "/usr/bin/unshare",
    args: ["--mount", "--net", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc", "--", init],
    folder,
    logFile: join(folder, "sandbox.log"),
  });
  try {
    const first = await onlyChild(holder);
    const enter = ["--target", String(first), "--mount", "--net", "--pid", "--"];
    const runInside: Sandbox["run"] = async (program, args) =>
      (await run("nsenter", [...enter, program, ...args])).stdout;

    await makeMounts(folder, runInside);
    const addresses = await connect(first, serviceRange, runInside);
    return {
      ...addresses,
      run: runInside,
      start: async (options) => {
        // setpriv, because killing nsenter alone would leave the program running. The caller's TMPDIR may be missing in there.
        const inside = [
          "/usr/bin/setpriv",
          "--pdeathsig",
          "KILL",
          "--",
          "/usr/bin/env",
          "--unset=TMPDIR",
          options.program,
        ];
        const wrapper = await startProcess({
          ...options,
          program: "/usr/bin/nsenter",
          args: [...enter.slice(0, -1), `--wd=${options.folder}`, "--", ...inside, ...options.args],
        });
        const pid = await onlyChild(wrapper);
        return {
          ...wrapper,
          pid,
          signal: (signal) => {
            if (!wrapper.isRunning()) throw new Error(`${options.name} (process ${pid}) has ended`);
            process.kill(pid, signal);
          },
        };
      },
      stop: () => holder.kill(),
    };
  } catch (error) {
    await holder.kill();
    throw error;
  }
}

async function makeMounts(folder: string, inside: Sandbox["run"]): Promise<void> {
  // The kubelet's mounts must reach the containers; out of the sandbox none gets, as its root is a copy.
  await inside("mount", ["--make-rshared", "/"]);
  for (const path of ["/run", "/var/lib"]) await inside("mount", ["-t", "tmpfs", "-o", "mode=755", "tmpfs", path]);
  for (const [path, mode] of [
    ["/tmp", 0o1777],
    ["/var/log", 0o755],
  ] as const) {
    const source = join(folder, path.slice(1).replace("/", "-"));
    await mkdir(source, { recursive: true, mode });
    await inside("mount", ["--bind", source, path]);
  }
}

/** Lays a cable between the host and the sandbox; the first free name and the addresses that belong to it. */
async function connect(
  pid: number,
  serviceRange: string,
  inside: Sandbox["run"],
): Promise<Pick<Sandbox, "name" | "hostAddress" | "address" | "podRange">> {
  const ip = (...args: string[]): Promise<unknown> => run("ip", args);
  for (let index = 0; index < sandboxLimit; index++) {
    const name = `slurm-node${index}`;
    const cable = ["type", "veth", "peer", "name", "eth0", "netns", String(pid)];
    try {
      await ip("link", "add", name, ...cable);
    } catch (error) {
      if (!String((error as { stderr?: string }).stderr).includes("File exists")) throw error;
      continue;
    }
    const hostAddress = `10.86.${index}.1`;
    const address = `10.86.${index}.2`;
    const podRange = `10.87.${index * 16}.0/20`;
    await ip("address", "add", `${hostAddress}/30`, "dev", name);
    await ip("link", "set", name, "up");
    await inside("ip", ["link", "set", "lo", "up"]);
    await inside("ip", ["address", "add", `${address}/30`, "dev", "eth0"]);
    await inside("ip", ["link", "set", "eth0", "up"]);
    // Whoever looks for the world, as the kubelet does for a cloud, is told at once that there is none.
    await inside("ip", ["route", "add", "unreachable", "default"]);
    // For the node itself: kube-proxy's rules change the address only of packets that have a route already.
    await inside("ip", ["route", "add", serviceRange, "via", hostAddress]);
    await inside("sysctl", ["--quiet", "--write", "net.ipv4.ip_forward=1"]);
    await ip("route", "add", podRange, "via", address);
    return { name, hostAddress, address, podRange };
  }
  throw new Error(`${sandboxLimit} local clusters run on this machine already: end one`);
}

/** The process that a program has just started; it stays the only one. */
async function onlyChild(parent: BackgroundProcess): Promise<number> {
  const deadline = performance.now() + 20_000;
  while (parent.isRunning() && performance.now() < deadline) {
    const children = await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, "utf8");
    if (children.trim() !== "") return Number(children);
    await delay(5);
  }
  throw new Error(`${parent.name} did not start:\n${await parent.logTail()}`);
}
