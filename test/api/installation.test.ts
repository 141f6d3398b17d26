/** The executables as they are installed: compiled when they were built, and right also where that does not help. */
import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { copyFile, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, inject, test } from "vitest";
import { version } from "../../src/version.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const programs = ["slurm-resume", "slurm-suspend", "slurm-resume-fail", "slurmctld-copilot"];
const installed = (name: string): string => join(inject("installation"), name);
const run = promisify(execFile);

/** Prints for each part of a file beside an executable where its source and code cache begin, and whether V8 refuses the cache. */
const inspect = `
const code = require("node:fs").readFileSync(process.argv[1]);
const parts = [];
for (let at = 0; at < code.length; ) {
  const sourceAt = at + 8 + 2 * 32;
  const cacheAt = sourceAt + code.readUInt32LE(at);
  const end = cacheAt + code.readUInt32LE(at + 4);
  const source = code.latin1Slice(sourceAt, cacheAt);
  const script = new (require("node:vm").Script)(source, { cachedData: code.subarray(cacheAt, end) });
  parts.push({ at, sourceAt, cacheAt, end, refused: script.cachedDataRejected });
  at = end;
}
console.log(JSON.stringify(parts));
`;

/** Offsets in the file, in bytes. */
interface Part {
  readonly at: number;
  readonly sourceAt: number;
  readonly cacheAt: number;
  readonly end: number;
  readonly refused: boolean;
}

/** In a process of its own each time: one that has compiled a source before does not look at a cache. */
async function partsOf(path: string): Promise<Part[]> {
  const { stdout } = await run(installed("node"), ["--use-openssl-ca", "-e", inspect, path]);
  return JSON.parse(stdout) as Part[];
}

/** A copy of slurm-resume that may be damaged. */
async function copyOfResume(): Promise<string> {
  const program = join(temporaryFolder(), "slurm-resume");
  await copyFile(installed("slurm-resume"), program);
  await copyFile(installed("slurm-resume.code"), `${program}.code`);
  return program;
}

const versionOf = async (program: string): Promise<string> => (await run(program, ["--version"])).stdout;

test.each(programs)("the Node of %s takes its code cache", async (name) => {
  const parts = await partsOf(installed(`${name}.code`));
  expect(parts.map(({ refused }) => refused)).toEqual([false, false]);
});

describe("a program still runs", () => {
  test("when called by a symbolic link", async () => {
    const link = join(temporaryFolder(), "resume");
    await symlink(installed("slurm-resume"), link);
    expect(await versionOf(link)).toBe(`${version}\n`);
  });

  test("when its code cache is of another version of V8", async () => {
    const program = await copyOfResume();
    const code = await readFile(`${program}.code`);
    for (const { at, cacheAt, end } of await partsOf(`${program}.code`)) {
      // Behind a magic number V8 writes a hash of its version (src/snapshot/code-serializer.h).
      code.fill(0, cacheAt + 4, cacheAt + 8);
      hash("sha256", code.subarray(cacheAt, end), "buffer").copy(code, at + 8 + 32);
    }
    await writeFile(`${program}.code`, code);
    expect((await partsOf(`${program}.code`)).map(({ refused }) => refused)).toEqual([true, true]);
    expect(await run(program, ["--version"])).toEqual({ stdout: `${version}\n`, stderr: "" });
  });

  test("when its code cache is damaged, and says so", async () => {
    const program = await copyOfResume();
    const code = await readFile(`${program}.code`);
    for (const { at, cacheAt, end } of await partsOf(`${program}.code`)) {
      // What V8 looks at, its beginning, places all over it, its end, and the checksum itself.
      const places = [cacheAt, cacheAt + 24, cacheAt + 100, (cacheAt + end) >> 1, end - 1, at + 8 + 32];
      for (const place of places) {
        const { stdout, stderr } = await runDamaged(program, code, place);
        expect(stdout).toBe(`${version}\n`);
        expect(stderr).toContain(`${program}.code is damaged, and this start slow: install it again`);
      }
    }
  });
});

test("a damaged source is told of and never run", async () => {
  const program = await copyOfResume();
  const code = await readFile(`${program}.code`);
  for (const { at, sourceAt, cacheAt } of await partsOf(`${program}.code`)) {
    // The lengths, the checksum, and the source from its first character to its last.
    for (const place of [at, at + 3, at + 7, at + 8, sourceAt, (sourceAt + cacheAt) >> 1, cacheAt - 1]) {
      await expect(runDamaged(program, code, place)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Error: ${program}.code is broken: install it again`),
      });
    }
  }
});

/** Runs the program with one bit of the file beside it flipped. */
async function runDamaged(program: string, code: Buffer, place: number): Promise<{ stdout: string; stderr: string }> {
  const damaged = Buffer.from(code);
  damaged[place] = (damaged[place] ?? 0) ^ 0x40;
  await writeFile(`${program}.code`, damaged);
  return run(program, ["--version"]);
}

test("half a file is told of", async () => {
  const program = await copyOfResume();
  await truncate(`${program}.code`, 100_000);
  await expect(versionOf(program)).rejects.toThrow(`${program}.code is broken: install it again`);
});
