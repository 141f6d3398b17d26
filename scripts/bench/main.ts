/**
 * Measures what this software is judged by, and writes docs/performance.md. Root is needed, as for the tests.
 *
 *   npm run bench             all benchmarks, in less than 10 minutes
 *   npm run bench -- NAME...  some of them
 */
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { type ControlPlane, startControlPlane } from "../cluster/control-plane.ts";
import { createProgress } from "../progress.ts";
import type { Benchmark } from "./benchmark.ts";
import { contention } from "./contention.ts";
import { copilot } from "./copilot.ts";
import { hostlists } from "./hostlists.ts";
import { describeMachine } from "./machine.ts";
import { path } from "./path.ts";
import { writeReport } from "./report.ts";
import { startup } from "./startup.ts";

const benchmarks: readonly Benchmark[] = [startup, hostlists, contention, copilot, path];

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown.length > 0) {
  console.error(
    `bench: no benchmark ${unknown.join(", ")}; there are ${benchmarks.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}

const progress = createProgress("bench", (line) => process.stderr.write(line));
const installation = await mkdtemp(join(tmpdir(), "bench-"));
let controlPlane: Promise<ControlPlane> | undefined;
const startedControlPlane = async (): Promise<ControlPlane> => {
  const started = await startControlPlane();
  await started.applyCrd();
  return started;
};
try {
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, "../build.ts"), "--prefix", installation]);
  await chmod(installation, 0o755);
  const machine = await describeMachine();
  for (const { name, run } of benchmarks) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const tables = await progress.step(name, () =>
      run({
        installation,
        progress,
        controlPlane: () => {
          controlPlane ??= startedControlPlane();
          return controlPlane;
        },
      }),
    );
    await writeReport(name, machine, tables, new Date());
  }
} finally {
  await (await controlPlane)?.stop();
  await rm(installation, { recursive: true });
}
