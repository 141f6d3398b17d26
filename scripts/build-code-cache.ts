/**
 * Compiles an executable when it is built: V8's code cache spares each start 8 ms of 50, as long as it takes to compile the source.
 *
 * What an executable runs is one file beside it, in which each part, a bundle and its code cache, follows the lengths and the
 * checksums of both; so they are only ever replaced together, as V8 itself compares no more of a source than its length. A code cache of
 * another version of Node is refused by V8, and the source compiled as ever. V8 takes a damaged one and crashes (its own checksum is looked
 * at in debug builds alone, src/snapshot/code-serializer.cc), hence ours.
 */
import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The executable itself, to be put behind an interpreter line: its first part may require these packages, which the second part has. */
export function loaderFor(packages: readonly string[]): string {
  const text = readFileSync(join(import.meta.dirname, "executable-loader.cjs"), "utf8");
  return text.replace("PACKAGES", JSON.stringify(packages));
}

/** The file beside an executable. Each part is a bundled CommonJS module; the second is only read when it is needed. */
export function compileParts(bundles: readonly string[]): Buffer {
  return Buffer.concat(bundles.map(compile));
}

function compile(bundle: string): Buffer {
  const source = `(function (require, module) {${bundle}\n})`;
  // Read as Latin-1, which is fastest; esbuild writes nothing else.
  if (/[^\0-\x7f]/.test(source)) throw new Error("the bundle is not ASCII");
  // In a process of its own that is predictable: of the same source the same cache is made, and an image need not be built again for it.
  const compiler = join(import.meta.dirname, "compile-source.cjs");
  const cache = execFileSync(process.execPath, ["--predictable", compiler], { input: source, maxBuffer: 1 << 28 });
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(source.length);
  lengths.writeUInt32LE(cache.length, 4);
  const parts = [Buffer.from(source, "latin1"), cache];
  return Buffer.concat([lengths, ...parts.map((part) => hash("sha256", part, "buffer")), ...parts]);
}
