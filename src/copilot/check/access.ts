/** Whether a user may use a file, by mode bits and owner, as the kernel decides it (path_resolution(7)). Access lists are not looked at. */
import type { FileStatus, PathFact, User } from "./facts.ts";

/** What a user wants. */
export type Wish = "execute" | "read" | "write";

const BITS: Readonly<Record<Wish, number>> = { execute: 1, read: 4, write: 2 };

/** Whether the bits of one file or folder allow it. Root may all, but to execute a file only when somebody may. */
export function isPermitted({ kind, mode, uid, gid }: FileStatus, user: User, wish: Wish): boolean {
  const bit = BITS[wish];
  if (user.uid === 0) return wish !== "execute" || kind === "folder" || (mode & 0o111) !== 0;
  if (user.uid === uid) return (mode & (bit << 6)) !== 0;
  return (mode & (user.gids.has(gid) ? bit << 3 : bit)) !== 0;
}

/** Why a user may not use what is at a path, in words that go on from its name; `undefined` when it may. */
export function refusal(fact: PathFact, user: User, wish: Wish): string | undefined {
  const closed = closedFolder(fact, user);
  if (closed !== undefined) return closed;
  if (fact.status === undefined) return "does not exist";
  if (isPermitted(fact.status, user, wish)) return undefined;
  return `has ${describeStatus(fact.status)}: ${user.name} may not ${wish} it`;
}

/** Why a user may not make a file at a path that is free. */
export function creationRefusal(fact: PathFact, user: User): string | undefined {
  const closed = closedFolder(fact, user);
  if (closed !== undefined) return closed;
  const folder = fact.folders.at(-1);
  if (folder?.status === undefined || isPermitted(folder.status, user, "write")) return undefined;
  return `does not exist, and ${user.name} may not make files in ${folder.path} (${describeStatus(folder.status)})`;
}

/** "mode 0640, owner 0, group 0" */
export function describeStatus({ mode, uid, gid }: FileStatus): string {
  return `mode ${octal(mode)}, owner ${uid === 0 ? "root" : `uid ${uid}`}, group ${gid === 0 ? "root" : `gid ${gid}`}`;
}

/** "0640" */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function closedFolder({ folders }: PathFact, user: User): string | undefined {
  for (const { path, status } of folders) {
    if (status === undefined) return `cannot be there: the folder ${path} does not exist`;
    if (!isPermitted(status, user, "execute")) {
      return `cannot be reached: the folder ${path} has ${describeStatus(status)}, which keeps ${user.name} out`;
    }
  }
  return undefined;
}
