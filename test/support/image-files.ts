import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createGunzip } from "node:zlib";

/** A file in one layer of an image, whether or not a later layer removes it. */
export interface LayerFile {
  /** Without a leading slash. */
  readonly path: string;
  /** A private key in PEM is in it, and it is no program or library. */
  readonly hasPrivateKey: boolean;
}

const blockSize = 512;
const privateKey = /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{100,}/;

/**
 * All regular files of all layers of an image.
 *
 * @param folder an image as `buildah push IMAGE oci:FOLDER` writes it (OCI image layout 1.0)
 */
export async function layerFiles(folder: string): Promise<LayerFile[]> {
  const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(folder, path), "utf8"));
  const blob = (digest: string): string => join("blobs", digest.replace(":", "/"));
  const index = (await json("index.json")) as { manifests: { digest: string }[] };
  const found: LayerFile[] = [];
  for (const { digest } of index.manifests) {
    const manifest = (await json(blob(digest))) as { layers: { digest: string; mediaType: string }[] };
    for (const layer of manifest.layers) {
      const file = createReadStream(join(folder, blob(layer.digest)));
      found.push(...(await filesOf(layer.mediaType.endsWith("gzip") ? file.pipe(createGunzip()) : file)));
    }
  }
  return found;
}

/** Reads an archive of ustar, GNU or pax form, one file at a time. */
async function filesOf(archive: AsyncIterable<Buffer>): Promise<LayerFile[]> {
  const found: LayerFile[] = [];
  const take = reader(archive);
  let longName: string | undefined;
  for (;;) {
    const header = await take(blockSize);
    if (header.length < blockSize || header[0] === 0) return found;
    const text = (from: number, length: number): string =>
      header.toString("latin1", from, from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12), 8);
    const content = await take(Math.ceil(size / blockSize) * blockSize);
    const data = content.subarray(0, size);
    const type = text(156, 1);
    if (type === "x") longName = /\d+ path=(.*)\n/.exec(data.toString())?.[1];
    else if (type === "L") longName = data.toString().replace(/\0.*$/s, "");
    else {
      const prefix = text(345, 155);
      const path = longName ?? (prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`);
      if (type === "0" || type === "") found.push({ path, hasPrivateKey: holdsPrivateKey(data) });
      longName = undefined;
    }
  }
}

function holdsPrivateKey(content: Buffer): boolean {
  // GnuTLS carries public test keys in its library, with which it tests itself.
  const isProgram = content.subarray(0, 4).toString("latin1") === "\x7fELF";
  return !isProgram && privateKey.test(content.toString("latin1"));
}

/** Takes so many bytes at a time from a stream; fewer at its end. */
function reader(stream: AsyncIterable<Buffer>): (length: number) => Promise<Buffer> {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Buffer[] = [];
  let available = 0;
  return async (length) => {
    while (available < length) {
      const { value, done } = await chunks.next();
      if (done === true) break;
      rest.push(value);
      available += value.length;
    }
    const all = rest.length === 1 ? (rest[0] as Buffer) : Buffer.concat(rest);
    const taken = all.subarray(0, length);
    rest = [all.subarray(taken.length)];
    available = all.length - taken.length;
    return taken;
  };
}
