/**
 * When a test fails, prints what the Slurms that run then have logged: their folders are gone when the run has ended, and what happens once in
 * fifty runs is not seen again by trying.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterEach } from "vitest";
import { runningSlurms } from "./slurm.ts";

/** Of each log, the last ones. */
const LINES = 60;

/** What stands there of every run, beside debug messages. */
const USUAL = / debug\d?: |MPI|mpi\/|pmix|state file|State save file|backup state|plugin|differs from hardware/i;

afterEach(async ({ task }) => {
  if (task.result?.state !== "fail") return;
  for (const folder of runningSlurms) {
    const logs = join(folder, "log");
    for (const name of (await readdir(logs)).filter((file) => file.endsWith(".log")).sort()) {
      const lines = (await readFile(join(logs, name), "utf8")).split("\n").filter((line) => !USUAL.test(line));
      const shown = lines.slice(-LINES - 1).map((line) => `  ${line}\n`);
      process.stderr.write(`"${task.name}" failed; ${basename(folder)}/${name} ends:\n${shown.join("")}`);
    }
  }
});
