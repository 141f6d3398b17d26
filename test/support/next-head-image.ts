import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ImageStore, whileNobodyBuilds } from "../../scripts/images/store.ts";

const root = join(import.meta.dirname, "../..");
const sources = ["package.json", "scripts", "src", "tsconfig.json", "vendor"];

/** The version that the agent in the image of {@link buildNextHead} says it has. */
export const nextVersion = "99.0.0";

/**
 * Builds a head with a newer agent: the present head, with programs from a copy of the sources in which only the version differs.
 *
 * @param head the present image
 * @param name what the new one is to be called, with its tag
 */
export async function buildNextHead(store: ImageStore, head: string, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "slurm-power-agent-next-"));
  try {
    const copy = join(folder, "sources");
    for (const each of sources) await cp(join(root, each), join(copy, each), { recursive: true });
    await symlink(join(root, "node_modules"), join(copy, "node_modules"));
    const version = join(copy, "src/version.ts");
    const text = await readFile(version, "utf8");
    await writeFile(version, text.replace(/"\d+\.\d+\.\d+"/, `"${nextVersion}"`));
    const context = join(folder, "context");
    await promisify(execFile)(process.execPath, [
      ...[join(copy, "scripts/build.ts"), "--prefix", "/opt/slurm-power-agent", "--destdir", join(context, "root")],
    ]);
    const dockerfile = join(folder, "Dockerfile");
    await writeFile(dockerfile, `FROM ${head}\nCOPY root /\n`);
    await alone(store, ["build", "--pull-never", "--file", dockerfile, "--tag", name, context]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Removes it again. */
export async function removeNextHead(store: ImageStore, name: string): Promise<void> {
  await alone(store, ["rmi", "--force", name]);
}

async function alone(store: ImageStore, args: readonly string[]): Promise<void> {
  const waiting = () => process.stderr.write("another build is running, waiting for it\n");
  await whileNobodyBuilds(store, waiting, () => store.buildah(args));
}
