/**
 * The log that an admin reads: one line an event, appended. It never stops the work: what cannot be written to the file goes to
 * standard error, and where that fails too the work goes on without.
 */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { styleText } from "node:util";
import { type Logger, levels, pino, symbols } from "pino";

/** The log of one run of a program. */
export type Log = Pick<Logger, "info" | "warn" | "error">;

/** What a log is opened with. */
export interface LogOptions {
  /** File to append to; `undefined` for standard error alone. */
  readonly path: string | undefined;
  /** `text`: time, level, run, message. `json`: pino's own lines with `program` and `run`. */
  readonly format: "text" | "json";
  readonly program: string;
  /** Tells the lines of one run from those of others that run at the same time. */
  readonly run: string;
}

/** A log that is open. */
export interface OpenLog {
  readonly log: Log;
  /** Goes on in the file that is now at this path, as after a rotation. */
  readonly reopen: (path: string | undefined) => void;
  /** Closes the file; what is logged later goes to standard error. */
  readonly close: () => void;
}

/**
 * Opens the log. Lines are also shown on standard error when a person looks at it, with colours.
 * Writes are synchronous, so that the last line of a program that ends or crashes is there.
 */
export function openLog(options: LogOptions): OpenLog {
  const { format, program, run } = options;
  let write = lineWriter(options.path, program);
  const reopen = (path: string | undefined): void => {
    write.close();
    write = lineWriter(path, program);
  };
  const close = (): void => write.close();
  const settings = { base: { pid: process.pid, program, run } };
  if (format === "json") return { log: pino(settings, { write: (line: string) => write.line(line) }), reopen, close };
  const stream = {
    // Makes pino hand over time, level and message of each line beside its JSON (pino docs/api.md, "pino.symbols").
    [symbols.needsMetadataGsym]: true,
    lastTime: "0",
    lastLevel: 0,
    lastMsg: "",
    write: () => write.line(textLine(Number(stream.lastTime), stream.lastLevel, run, stream.lastMsg), stream.lastLevel),
  };
  return { log: pino(settings, stream), reopen, close };
}

/** A line of the text format. Control characters become spaces: a name or an answer must not be able to forge a line. */
export function textLine(time: number, level: number, run: string, message: string): string {
  const label = (levels.labels[level] ?? "info").toUpperCase();
  const oneLine = message.replace(/\p{Cc}/gu, " ");
  return `${new Date(time).toISOString()} ${label.padEnd(5)} ${run} ${oneLine}\n`;
}

interface LineWriter {
  readonly line: (line: string, level?: number) => void;
  readonly close: () => void;
}

function lineWriter(path: string | undefined, program: string): LineWriter {
  const terminal = isatty(2);
  let file: number | undefined;
  const toStandardError = (line: string): void => {
    try {
      writeSync(2, line);
    } catch {
      // Nobody is left to tell: standard error is closed or its reader is gone (slurmctld after a restart).
    }
  };
  const giveUp = (error: unknown): void => {
    toStandardError(
      `${program}: cannot write the log ${path}: ${(error as Error).message}; its lines go here instead\n`,
    );
    close();
  };
  const close = (): void => {
    if (file !== undefined) closeSync(file);
    file = undefined;
  };
  try {
    if (path !== undefined) file = openSync(path, "a", 0o640);
  } catch (error) {
    giveUp(error);
  }
  const writeLine = (line: string, level = 0): void => {
    if (file === undefined || terminal) toStandardError(terminal ? coloured(line, level) : line);
    if (file === undefined) return;
    try {
      // Unlike writeSync this goes on after a short write, so that no line is torn on a disk that is nearly full.
      writeFileSync(file, line);
    } catch (error) {
      giveUp(error);
      if (!terminal) toStandardError(line);
    }
  };
  return { line: writeLine, close };
}

function coloured(line: string, level: number): string {
  if (level >= 50) return styleText("red", line);
  return level >= 40 ? styleText("yellow", line) : line;
}
