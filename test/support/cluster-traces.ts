import { lstatSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";

/**
 * The network device and the control groups of the local cluster with this sandbox name. Another cluster may take the name as soon as
 * it is free, so each comes with its inode, which tells a new one from the old one.
 */
export async function tracesOf(name: string): Promise<string[]> {
  const groups = await readdir("/sys/fs/cgroup");
  const paths = [join("/sys/class/net", name), ...["", ...groups].map((each) => join("/sys/fs/cgroup", each, name))];
  const inodes = paths.map((path) => lstatSync(path, { throwIfNoEntry: false })?.ino);
  return paths.map((path, index) => `${path} ${inodes[index] ?? ""}`).filter((_, index) => inodes[index] !== undefined);
}

/** Nothing of `traces`, which {@link tracesOf} gave for this name, is there any more. */
export async function expectTracesGone(name: string, traces: readonly string[]): Promise<void> {
  const left = await tracesOf(name);
  expect(left.filter((trace) => traces.includes(trace))).toEqual([]);
}
