"use strict";
// Runs what lies beside this file under its name and `.code`; how that is made is told in scripts/build-code-cache.ts.
// Of the modules that any program loads for TLS, crypto has the fastest checksum: 0.3 ms for the first part, where loading zlib takes 1.5.
const { hash } = require("node:crypto");
const { fstatSync, openSync, readSync } = require("node:fs");
const { Script } = require("node:vm");

const filename = `${__filename}.code`;
const file = openSync(filename);
const { size } = fstatSync(file);

function broken() {
  return new Error(`${filename} is broken: install it again`);
}

function read(length) {
  if (length > size) throw broken();
  const bytes = Buffer.allocUnsafeSlow(length);
  if (readSync(file, bytes) !== length) throw broken();
  return bytes;
}

function runNextPart(require) {
  const lengths = read(8);
  const hashes = [read(32), read(32)];
  const [source, cachedData] = [read(lengths.readUInt32LE(0)), read(lengths.readUInt32LE(4))];
  const [sourceIsRight, cacheIsRight] = [source, cachedData].map((bytes, index) =>
    hashes[index].equals(hash("sha256", bytes, "buffer")),
  );
  if (!sourceIsRight) throw broken();
  // V8 does not look for itself, and crashes.
  if (!cacheIsRight) console.error(`${filename} is damaged, and this start slow: install it again`);
  const part = { exports: {} };
  const script = new Script(source.latin1Slice(), { filename, cachedData: cacheIsRight ? cachedData : undefined });
  script.runInThisContext()(require, part);
  return part.exports;
}

let findPackage;
runNextPart((name) => {
  if (!PACKAGES.includes(name)) return require(name);
  findPackage ??= runNextPart(require);
  return findPackage(name);
});
