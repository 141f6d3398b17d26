import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cleanUpAtExit } from "../cluster/cleanup.ts";
import type { Suite } from "../images/debian-base.ts";
import type { Progress } from "../progress.ts";
import type { SuiteResult } from "./render.ts";
import { readResults, readVersions, type VitestReport } from "./report.ts";

const root = join(import.meta.dirname, "../..");

/**
 * Runs files of test/cluster with the images of a suite. Says each test as it ends. A failing test is a result, and so is a run that
 * breaks off. Files with a failed test are run once more, alone, as CI does: they wait for the clocks of real servers, and another file beside
 * them may take the time that they need. The second run is what counts, and is told.
 *
 * @param files names without folder
 */
export async function runSuite(suite: Suite, files: readonly string[], progress: Progress): Promise<SuiteResult> {
  const started = performance.now();
  const environment = { SUITE: suite };
  const report = await runVitest("cluster", files, environment, progress);
  const first = readResults(files, report);
  const again = files.filter((name) => first.some(({ file, outcome }) => file === name && outcome.state === "failed"));
  const second =
    again.length === 0
      ? []
      : readResults(again, await runVitest("cluster", again, environment, progress, ["--no-file-parallelism"]));
  return {
    suite,
    versions: readVersions(report),
    tests: [...first.filter(({ file }) => !again.includes(file)), ...second],
    again,
    seconds: (performance.now() - started) / 1000,
  };
}

/**
 * Runs files of a tier and resolves to vitest's report, or to nothing when the run ended without one.
 *
 * @param tier project of vitest.config.ts, which is a folder of test/
 * @param files names without that folder
 * @param environment added to this process's
 * @param options further ones of vitest
 */
export async function runVitest(
  tier: "api" | "cluster",
  files: readonly string[],
  environment: Readonly<Record<string, string>>,
  progress: Progress,
  options: readonly string[] = [],
): Promise<VitestReport | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "matrix-"));
  const output = join(folder, "report.json");
  try {
    const args = [
      "run",
      `--project=${tier}`,
      "--reporter=verbose",
      "--reporter=json",
      `--outputFile.json=${output}`,
      ...options,
    ];
    const paths = files.map((file) => join("test", tier, file));
    const child = spawn(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), ...args, ...paths], {
      cwd: root,
      env: { ...process.env, ...environment, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // It ends its servers then.
    const forget = cleanUpAtExit(() => child.kill("SIGTERM"));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        if (line.trim() !== "") progress.say(line.trimEnd());
      });
    }
    await once(child, "close");
    forget();
    return existsSync(output) ? (JSON.parse(await readFile(output, "utf8")) as VitestReport) : undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}
