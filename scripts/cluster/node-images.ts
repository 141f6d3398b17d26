import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ImageStore } from "../images/store.ts";
import { containerdSocket, pauseImage } from "./node.ts";

const run = promisify(execFile);

/** The kubelet looks for images in this namespace of containerd. */
const containerdNamespace = "k8s.io";

/**
 * Runs containerd's own client.
 *
 * @param folder the cluster's
 */
export async function ctr(folder: string, args: readonly string[]): Promise<void> {
  await run("ctr", ["--address", containerdSocket(folder), "--namespace", containerdNamespace, ...args]);
}

/**
 * Copies an image out of a storage into containerd.
 *
 * @param folder the cluster's
 * @throws Error when the storage has no such image
 */
export async function loadImage(store: ImageStore, name: string, folder: string): Promise<void> {
  const place = await mkdtemp(join(folder, "image-"));
  try {
    const archive = join(place, "image.tar");
    await store.buildah(["push", "--quiet", name, `docker-archive:${archive}:${name}`]);
    await ctr(folder, ["images", "import", archive]);
  } finally {
    await rm(place, { recursive: true });
  }
}

/**
 * Makes {@link pauseImage} in containerd: an archive as `docker save` writes it, with one layer of one file.
 *
 * @param folder the cluster's
 * @param program a static executable
 */
export async function makePauseImage(folder: string, program: string): Promise<void> {
  const place = join(folder, "pause");
  await mkdir(place);
  await copyFile(program, join(place, "pause"));
  const tar = async (archive: string, ...files: readonly string[]): Promise<void> => {
    await run("tar", ["--create", "--file", archive, "--owner=0", "--group=0", "--directory", place, ...files]);
  };
  const layer = join(place, "layer.tar");
  await tar(layer, "pause");
  const hash = createHash("sha256")
    .update(await readFile(layer))
    .digest("hex");
  const architecture = { x64: "amd64" }[process.arch as string] ?? process.arch;
  const config = {
    ...{ architecture, os: "linux", config: { Entrypoint: ["/pause"] } },
    rootfs: { type: "layers", diff_ids: [`sha256:${hash}`] },
  };
  const manifest = [{ Config: "config.json", RepoTags: [pauseImage], Layers: ["layer.tar"] }];
  await writeFile(join(place, "config.json"), JSON.stringify(config));
  await writeFile(join(place, "manifest.json"), JSON.stringify(manifest));
  await tar(join(place, "image.tar"), "manifest.json", "config.json", "layer.tar");
  await ctr(folder, ["images", "import", join(place, "image.tar")]);
}
