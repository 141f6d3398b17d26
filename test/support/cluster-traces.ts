import { lstatSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { waitFor } from "./wait-for.ts";

/** The inodes of the network device and the control groups of a local cluster, by path. */
export type Traces = ReadonlyMap<string, number>;

/**
 * What the local cluster in this folder has outside of it, once both the device and a control group are there. Another cluster may take the
 * name as soon as it is free, so each comes with its inode, which tells a new one from the old one.
 */
export async function tracesOf(folder: string): Promise<Traces> {
  const look = async (): Promise<Traces> => {
    const name = await readFile(join(folder, "sandbox-name"), "utf8");
    if (name === "") return new Map();
    const hierarchies = (await readdir("/sys/fs/cgroup")).map((each) => join("/sys/fs/cgroup", each, name));
    const paths = [join("/sys/class/net", name), join("/sys/fs/cgroup", name), ...hierarchies];
    return new Map(paths.flatMap((path) => inodeOf(path).map((inode): [string, number] => [path, inode])));
  };
  return waitFor("the network and control groups", look, (traces) => traces.size > 1, 60_000);
}

/** None of these is there any more. */
export function expectTracesGone(traces: Traces): void {
  const left = [...traces].filter(([path, inode]) => inodeOf(path).includes(inode));
  expect(left).toEqual([]);
}

function inodeOf(path: string): number[] {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? [] : [found.ino];
}
