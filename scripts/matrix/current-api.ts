import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { runGoBuild } from "../go-build.ts";
import type { Progress } from "../progress.ts";
import type { CurrentApiResult } from "./render.ts";
import { readResults } from "./report.ts";
import { runVitest } from "./run-suite.ts";

const root = join(import.meta.dirname, "../..");

/**
 * Runs test/api with a kube-apiserver of today instead of the oldest one that is supported. It is built first where this machine has Go;
 * where it has none, the result says so.
 *
 * @throws Error when the build fails
 */
export async function runCurrentApi(progress: Progress): Promise<CurrentApiResult> {
  const { path, missing } = await runGoBuild(join(root, "scripts/cluster/current-api.sh"));
  if (path === undefined) return { missing };
  const { stdout } = await promisify(execFile)(join(path, "kube-apiserver"), ["--version"]);
  const files = (await readdir(join(root, "test/api"))).filter((file) => file.endsWith(".test.ts")).sort();
  const report = await runVitest("api", files, { KUBEBUILDER_ASSETS: path }, progress);
  return { kubernetes: stdout.trim().replace(/^Kubernetes /, ""), tests: readResults(files, report) };
}
