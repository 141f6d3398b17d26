/**
 * `npm run images -- [SUITE...]`: builds the images of image/Dockerfile for the named suites of Debian, bookworm if none is
 * named. Prints the images' names. See image/README.md.
 */
import { createProgress } from "../progress.ts";
import { buildImages } from "./build-images.ts";
import { type Suite, suites } from "./debian-base.ts";
import { openImageStore } from "./store.ts";

const asked = process.argv.slice(2);
const unknown = asked.filter((suite) => !(suites as readonly string[]).includes(suite));
if (unknown.length > 0) {
  process.stderr.write(`images: unknown suite ${unknown.join(", ")}; there are ${suites.join(", ")}\n`);
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  process.stderr.write("images: must be run as root: debootstrap and buildah change users\n");
  process.exit(1);
}
const progress = createProgress("images", (line) => process.stderr.write(line));
try {
  const store = await openImageStore(process.env);
  for (const suite of asked.length > 0 ? (asked as Suite[]) : (["bookworm"] as const)) {
    const names = await buildImages(store, suite, progress);
    for (const name of Object.values(names)) process.stdout.write(`${name}\n`);
  }
} catch (error) {
  process.stderr.write(`images: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
