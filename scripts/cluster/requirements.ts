import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

const programs = [
  ...["/usr/bin/containerd", "/usr/bin/ctr", "/usr/sbin/runc", "/usr/sbin/dnsmasq", "/usr/sbin/iptables"],
  ...["/usr/sbin/conntrack", "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/setpriv", "/usr/lib/cni/bridge"],
];
const controllers = ["cpu", "cpuset", "memory", "pids"];

/**
 * What this machine lacks for a local cluster, one sentence each; nothing when it has all. Changes nothing.
 */
export async function missingRequirements(): Promise<string[]> {
  if (process.platform !== "linux") return ["it runs on Linux only"];
  const checks = [rootRights, installedPrograms, overlay, kernelMessages, controlGroups, namespaces];
  const found: string[] = [];
  // In order, and none after missing rights: without these the others fail too.
  for (const check of checks) {
    found.push(...(await check()));
    if (check === rootRights && found.length > 0) break;
  }
  return found;
}

async function rootRights(): Promise<string[]> {
  return process.getuid?.() === 0 ? [] : ["it must be run as root"];
}

async function installedPrograms(): Promise<string[]> {
  const missing: string[] = [];
  for (const program of programs) {
    if (!(await isAccessible(program, constants.X_OK))) missing.push(program);
  }
  return missing.length === 0 ? [] : [`${missing.join(", ")} missing: run \`bash scripts/setup.sh cluster\``];
}

async function overlay(): Promise<string[]> {
  const known = /\toverlay\n/.test(await readFile("/proc/filesystems", "utf8"));
  return known ? [] : ["the kernel has no overlay file system (try `modprobe overlay`)"];
}

async function kernelMessages(): Promise<string[]> {
  const readable = await isAccessible("/dev/kmsg", constants.R_OK);
  return readable ? [] : ["/dev/kmsg cannot be read: the kubelet reads there which processes ran out of memory"];
}

async function controlGroups(): Promise<string[]> {
  const mounted = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  const versionOne = mounted.filter((line) => / - cgroup /.test(line)).flatMap((line) => line.split(/[ ,]/));
  const unified = await readFile("/sys/fs/cgroup/cgroup.controllers", "utf8").catch(() => "");
  const present = new Set([...versionOne, ...unified.trim().split(" ")]);
  const missing = controllers.filter((each) => !present.has(each));
  if (missing.length > 0) return [`control groups without ${missing.join(", ")}: are they mounted in /sys/fs/cgroup?`];
  const line = mounted.find((each) => / - cgroup2? /.test(each) && each.split(" ")[4]?.startsWith("/sys/fs/cgroup"));
  const folder = line?.split(" ")[4] ?? "/sys/fs/cgroup";
  return (await isAccessible(folder, constants.W_OK)) ? [] : [`${folder} is read-only: no control groups can be made`];
}

async function namespaces(): Promise<string[]> {
  try {
    await run("unshare", [
      "--mount",
      "--net",
      "--pid",
      "--fork",
      "--mount-proc",
      "iptables",
      "--table",
      "nat",
      "--list",
    ]);
    return [];
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return [`a network of its own with iptables cannot be made (unshare, CAP_SYS_ADMIN): ${stderr?.trim() ?? error}`];
  }
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false;
  }
}
