import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { processesMentioning } from "./processes-mentioning.ts";
import { waitFor } from "./wait-for.ts";

/** The demo as a user runs it, after set-up. */
export interface Demo {
  readonly child: ChildProcess;
  /** Standard output and error so far. */
  output(): string;
  /** Waits until the output has this. */
  says(text: string): Promise<void>;
  /** Resolves to the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
}

/** Starts it with these arguments. It ends with the running test at the latest. */
export function startDemo(...args: readonly string[]): Demo {
  return startDemoIn(process.env, ...args);
}

/** The same with another environment than this process's. */
export function startDemoIn(environment: NodeJS.ProcessEnv, ...args: readonly string[]): Demo {
  const { FORCE_COLOR: _, ...env } = environment;
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../scripts/demo/main.ts"), ...args], { env });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const ended = once(child, "close").then(([code, signal]) => (code as number | null) ?? (signal as string));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return {
    child,
    output: () => output,
    says: async (text) =>
      void (await waitFor(
        `the demo to say "${text}"`,
        () => output,
        (seen) => seen.includes(text),
        300_000,
      )),
    ended,
  };
}

/** The folders that hold all of the demo; printed before anything is started. */
export function foldersOf(output: string): string[] {
  const places = /Everything, logs too, is in ([\s\S]+?)\s+until\s+the\s+end/.exec(output)?.[1];
  if (places === undefined) throw new Error(`the demo names no folder:\n${output}`);
  return places.split(/\s+and\s+/);
}

/** Fails when folders or processes of the demo that printed this are left. */
export async function expectNothingLeft(output: string): Promise<void> {
  const folders = foldersOf(output);
  const left = () => folders.filter((folder) => existsSync(folder));
  expect(left()).toEqual([]);
  for (const folder of folders) {
    // A killed process is in /proc for a moment more.
    await waitFor(
      "the demo's processes to be gone",
      () => processesMentioning(folder),
      (processes) => processes.length === 0,
      5000,
    );
  }
  expect(left()).toEqual([]);
}

/** The steps' titles with their numbers, as the demo printed them. */
export function titlesIn(output: string): string[] {
  return [...output.matchAll(/^\[ *[\d.]+ s\] (\d+\/\d+ .*)$/gm)].map(([, title = ""]) => title);
}

/** The lines of slurm-resume.log that the demo showed last, without time, level and run. */
export function shownResumeLog(output: string): string[] {
  const shown = /\$ .*slurm-resume\.log\n([\s\S]*?)\n {2}✓/.exec(output)?.[1]?.split("\n") ?? [];
  return shown.map((line) => line.replace(/^ {4}\S+ \S+ +\S+ /, ""));
}

/** The lines of the block under this title, such as the commands "To try". */
export function linesUnder(output: string, title: string): string[] {
  const block = output.split(`\n  ${title}\n`)[1]?.split(/\n(?! {4})/)[0] ?? "";
  return block.split("\n").map((line) => line.trim());
}
