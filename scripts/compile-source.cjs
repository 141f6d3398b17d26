"use strict";
// Reads a source and writes its code cache, with all its functions: usually V8 compiles those alone that run while a source is loaded.
const { readFileSync, writeSync } = require("node:fs");
const { setFlagsFromString } = require("node:v8");
const { Script } = require("node:vm");

const source = readFileSync(0, "latin1");
setFlagsFromString("--no-lazy");
const script = new Script(source);
// A cache belongs to the flags that are set when it is made, and these are not those of the executables.
setFlagsFromString("--lazy");
const cache = script.createCachedData();
for (let written = 0; written < cache.length; ) written += writeSync(1, cache, written);
