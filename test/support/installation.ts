/** Global set-up of the api and slurm tiers: the executables as an image holds them, where every user may run them. */
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder that holds `slurm-resume`, `slurm-suspend`, `slurm-resume-fail` and their `node`. */
    readonly installation: string;
  }
}

/** Builds the executables into a fresh folder, and removes it when the tests are done. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "power-agent-"));
  await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, "../../scripts/build.ts"),
    "--prefix",
    folder,
  ]);
  await chmod(folder, 0o755);
  project.provide("installation", folder);
  return () => rm(folder, { recursive: true, force: true });
}
