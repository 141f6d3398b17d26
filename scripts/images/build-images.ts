import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Progress } from "../progress.ts";
import { ensureDebianBase, type Suite } from "./debian-base.ts";
import { type ImageStore, whileNobodyBuilds } from "./store.ts";

const root = join(import.meta.dirname, "../..");

/** Stages of image/Dockerfile that become images. */
const stages = ["agent", "head", "worker", "operator", "ldap", "mariadb"] as const;

/** Says of what an image was made; equal inputs, equal image. */
const inputsLabel = "slurm-power-agent.inputs";

/** Names of a suite's images. */
export type ImageNames = Readonly<Record<(typeof stages)[number], string>>;

/** `localhost/slurm-power-agent/STAGE:SUITE` for each stage of image/Dockerfile. */
function imageNames(suite: Suite): ImageNames {
  const name = (stage: string): string => `localhost/slurm-power-agent/${stage}:${suite}`;
  return {
    agent: name("agent"),
    head: name("head"),
    worker: name("worker"),
    operator: name("operator"),
    ldap: name("ldap"),
    mariadb: name("mariadb"),
  };
}

/**
 * Builds the images of a suite, unless the storage has them made of the same Dockerfile, programs and base. Programs are
 * bundled afresh each time, which takes a second. Only one build runs at a time on a storage; others wait.
 *
 * @returns the images' names
 */
export async function buildImages(store: ImageStore, suite: Suite, progress: Progress): Promise<ImageNames> {
  const names = imageNames(suite);
  const context = await mkdtemp(join(tmpdir(), "image-context-"));
  try {
    await cp(join(root, "image"), context, { recursive: true });
    await promisify(execFile)(process.execPath, [
      ...[join(root, "scripts/build.ts"), "--prefix", "/opt/slurm-power-agent", "--destdir", join(context, "root")],
    ]);
    await whileNobodyBuilds(
      store,
      () => progress.say("another build is running, waiting for it"),
      async () => {
        await removeLeftContainers(store);
        const base = await ensureDebianBase(store, suite, progress);
        const baseId = await store.buildah(["inspect", "--type", "image", "--format", "{{.FromImageID}}", base]);
        const inputs = await hashOf(context, [suite, baseId]);
        let built = false;
        for (const stage of stages) {
          if ((await inputsOf(store, names[stage])) === inputs) continue;
          await progress.step(`image ${names[stage]}`, () =>
            build(store, { context, stage, name: names[stage], base, inputs }),
          );
          built = true;
        }
        if (built) await removeOutdated(store, progress);
      },
    );
  } finally {
    await rm(context, { recursive: true });
  }
  return names;
}

/**
 * Removes what builds that were killed left: only the holder of the lock builds here. Containers that somebody gave a name are
 * somebody's.
 */
async function removeLeftContainers(store: ImageStore): Promise<void> {
  const all = await store.buildah(["containers", "--format", "{{.ContainerName}}", "--noheading"]);
  const left = all.split("\n").filter((name) => /working-container(-\d+)?$/.test(name));
  if (left.length > 0) await store.buildah(["rm", ...left]);
}

/** Frees what newer images have replaced, which is some 300 MB each time; nothing when a container still uses one of them. */
async function removeOutdated(store: ImageStore, progress: Progress): Promise<void> {
  try {
    await store.buildah(["rmi", "--prune"]);
  } catch (error) {
    if (!String(error).includes("in use by a container")) throw error;
    progress.say("older images stay for now, as a container uses one of them");
  }
}

interface Build {
  readonly context: string;
  readonly stage: string;
  readonly name: string;
  readonly base: string;
  readonly inputs: string;
}

async function build(store: ImageStore, { context, stage, name, base, inputs }: Build): Promise<void> {
  await store.buildah([
    ...["build", "--layers", "--pull-never", "--target", stage, "--build-arg", `BASE=${base}`],
    ...["--label", `${inputsLabel}=${inputs}`, "--tag", name, context],
  ]);
}

/** What an image was made of, or `undefined` when there is none of that name. */
async function inputsOf(store: ImageStore, name: string): Promise<string | undefined> {
  const found = await store.buildah(["images", "--quiet", "--filter", `reference=${name}`]);
  if (found === "") return undefined;
  const format = `{{index .OCIv1.Config.Labels "${inputsLabel}"}}`;
  return await store.buildah(["inspect", "--type", "image", "--format", format, name]);
}

/** One hash of all files in a folder, their names, modes and contents, and of some texts. */
async function hashOf(folder: string, texts: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  const files = (await readdir(folder, { withFileTypes: true, recursive: true }))
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .sort();
  for (const file of files) {
    hash.update(`${file.slice(folder.length)}\0`);
    hash.update(await readFile(file));
  }
  return hash.digest("hex");
}
