/** Reading small configuration files, where "not there" is an ordinary answer and anything else is an error with its cause. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { SettingsError } from "./settings-error.ts";

/**
 * The text of a file, or `undefined` when it does not exist. Throws a {@link SettingsError} that names the file when it exists and cannot be
 * read, with the system's error as cause.
 */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new SettingsError(`cannot read ${path}: ${message}`, { cause });
  }
}

/** {@link readTextIfPresent} without surrounding white space; an empty file counts as absent. */
export function readWordIfPresent(path: string): string | undefined {
  return readTextIfPresent(path)?.trim() || undefined;
}

/** The last `bytes` bytes of a file; `undefined` and errors as for {@link readTextIfPresent}. */
export function readEndIfPresent(path: string, bytes: number): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, bytes));
    const length = readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, length);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new SettingsError(`cannot read ${path}: ${message}`, { cause });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
