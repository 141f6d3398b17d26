/** Global set-up of the cluster tier: checks that this machine can run it, and builds the images. */
import type { TestProject } from "vitest/node";
import { missingRequirements } from "../../scripts/cluster/requirements.ts";
import { buildImages, type ImageNames } from "../../scripts/images/build-images.ts";
import { type Suite, suites } from "../../scripts/images/debian-base.ts";
import { openImageStore } from "../../scripts/images/store.ts";
import { createProgress } from "../../scripts/progress.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** What this machine lacks to run a cluster; empty when it lacks nothing. */
    readonly lacking: string;
    /** Debian's suite in the images; with it goes the version of Slurm. */
    readonly suite: Suite;
    /** The images, in the project's storage. Meaningless when something is lacking. */
    readonly images: ImageNames;
  }
}

/** Takes minutes the first time and a second when the images are there. */
export async function setup(project: TestProject): Promise<void> {
  const suite = suites.find((each) => each === (process.env.SUITE ?? "trixie"));
  if (suite === undefined) throw new Error(`SUITE=${process.env.SUITE}: it can be ${suites.join(", ")}`);
  const lacking = (await missingRequirements()).join("; ");
  project.provide("lacking", lacking);
  project.provide("suite", suite);
  if (lacking !== "") return;
  const progress = createProgress("images", (line) => process.stderr.write(line));
  project.provide("images", await buildImages(await openImageStore(process.env), suite, progress));
}
