/** Files as they are: mode, owner, and the folders that lead to them. */
import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { FileStatus, PathFact } from "../facts.ts";

/** Looks at a path; whatever cannot be looked at is not there, and the folder that hides it is among `folders`. */
export async function lookAt(path: string): Promise<PathFact> {
  const real = await realpath(path).catch(() => path);
  const folders = [...new Set([...foldersOf(path), ...foldersOf(real)])];
  const status = await statusOf(path);
  return {
    path,
    ...(status !== undefined && { status }),
    folders: await Promise.all(
      folders.map(async (folder) => {
        const ofFolder = await statusOf(folder);
        return { path: folder, ...(ofFolder !== undefined && { status: ofFolder }) };
      }),
    ),
  };
}

/** From the root down, without the last part. */
function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [...foldersOf(folder), folder];
}

async function statusOf(path: string): Promise<FileStatus | undefined> {
  try {
    const status = await stat(path);
    const kind = status.isFile() ? "file" : status.isDirectory() ? "folder" : "other";
    return { kind, mode: status.mode & 0o7777, uid: status.uid, gid: status.gid };
  } catch {
    // Not there, a loop of links, or behind a folder that keeps us out.
    return undefined;
  }
}
