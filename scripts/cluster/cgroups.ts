import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Folders of the control groups named `name`, one for each hierarchy that is mounted; of version 2 there is only one. */
function controlGroupFolders(name: string): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4] as string);
  // With both versions mounted, as older systemd does, runc makes its groups in both.
  return mounts.map((mount) => join(mount, name));
}

/** Makes the control groups in which the kubelet makes those of its Pods. A left-over one of a killed cluster is used. */
export function makeControlGroups(name: string): void {
  for (const folder of controlGroupFolders(name)) {
    mkdirSync(folder, { recursive: true });
    // Version 1 gives a new group no processor and no memory node, and lets no process in until it has some.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const path = join(folder, file);
      if (!existsSync(path) || existsSync(join(folder, "cgroup.controllers"))) continue;
      writeFileSync(path, readFileSync(join(folder, "..", file)));
    }
  }
}

/**
 * Removes the control groups with all below them. Their processes must have been killed; the kernel may need a moment more.
 *
 * @param timeout in milliseconds
 * @throws Error when processes are left in one of them by then
 */
export function removeControlGroups(name: string, timeout: number): void {
  const deadline = performance.now() + timeout;
  for (const folder of controlGroupFolders(name)) {
    while (existsSync(folder)) {
      try {
        removeTree(folder);
      } catch (error) {
        if (performance.now() > deadline) {
          throw new Error(`the control group ${folder} cannot be removed: are there processes in it?`, {
            cause: error,
          });
        }
        // Nothing else may happen meanwhile: this is also done when the process exits.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      }
    }
  }
}

/** Control groups have no files that could be removed: only folders, the innermost first. */
function removeTree(folder: string): void {
  for (const each of readdirSync(folder, { withFileTypes: true })) {
    if (each.isDirectory()) removeTree(join(folder, each.name));
  }
  rmdirSync(folder);
}
