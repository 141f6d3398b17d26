/**
 * Builds the executables, with the interpreter's absolute path in the first line, because slurmctld gives its programs no PATH to look
 * for `node` in, and what each of them runs in a file beside it.
 *
 *   node scripts/build.ts                  into dist/, run by the Node that runs this script
 *   node scripts/build.ts --prefix FOLDER  into FOLDER with a copy of that Node beside them
 *   node scripts/build.ts --prefix FOLDER --destdir ROOT
 *                                          the same for an image, whose file system is put together in ROOT: into ROOT/FOLDER
 */
import { chmod, copyFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BuildOptions, build } from "esbuild";
import { compileParts, loaderFor } from "./build-code-cache.ts";
import { embedInitScripts } from "./build-init-scripts.ts";
import { replaceUnused } from "./build-unused.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Linux reads 256 bytes of the interpreter line (include/uapi/linux/binfmts.h, BINPRM_BUF_SIZE), and splits it at white space. */
function interpreterLine(node: string): string {
  const line = `#!${node} --use-openssl-ca`;
  if (/\s/.test(node) || Buffer.byteLength(line) > 254) {
    throw new Error(
      `${node} cannot stand in an interpreter line: it must have no spaces and at most 230 characters; use --prefix`,
    );
  }
  return line;
}

/** Needed by runs with options, a settings file or a kubeconfig, and by none that slurmctld starts in a Pod without those. */
const packages = ["commander", "yaml", "@kubernetes/client-node/dist/config.js"];

const bundling = {
  write: false,
  bundle: true,
  platform: "node",
  // CommonJS starts faster than an ES module: no asynchronous loader before the first line runs.
  format: "cjs",
  target: "node22.19",
  conditions: ["source"],
  minify: true,
  legalComments: "none",
  plugins: [replaceUnused, embedInitScripts],
  logLevel: "warning",
} as const satisfies BuildOptions;

/** The verbs for which slurmctld has a program, each with a hook script beside it. */
const verbs = ["resume", "suspend", "resume-fail"];

/** `prefix` is where `folder` will be when the programs run. */
async function buildExecutables(folder: string, prefix: string, node: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const sources = (await readdir(join(root, "src/commands"))).filter((file) => file.endsWith(".ts"));
  const cases = packages.map((name) => `case "${name}": return require("${name}");`);
  const contents = `module.exports = (name) => { switch (name) { ${cases.join(" ")} } };`;
  const rest = await bundle({ ...bundling, stdin: { contents, resolveDir: root } });
  await Promise.all(
    sources.map(async (source) => {
      const options = { entryPoints: [join(root, "src/commands", source)], external: packages };
      const program = await bundle({ ...bundling, ...options });
      const executable = join(folder, basename(source, ".ts"));
      const code = compileParts([program, rest]);
      await replaceFile(`${executable}.code`, (path) => writeFile(path, code), 0o644);
      await replaceFile(executable, (path) => writeFile(path, `${interpreterLine(node)}\n${loaderFor(packages)}`));
    }),
  );
  const hook = await readFile(join(root, "src/hooks/power-hook.sh"), "utf8");
  for (const verb of verbs) {
    const text = hook.replaceAll("@FOLDER@", prefix).replaceAll("@VERB@", verb);
    await replaceFile(join(folder, `slurm-${verb}.sh`), (path) => writeFile(path, text));
  }
  await replaceFile(
    join(folder, "hand-over.pl"),
    (path) => copyFile(join(root, "src/hooks/hand-over.pl"), path),
    0o644,
  );
  // Says how to read files without an ending, whatever package.json lies further up.
  await replaceFile(join(folder, "package.json"), (path) => writeFile(path, '{"type":"commonjs"}\n'), 0o644);
}

async function bundle(options: BuildOptions & { write: false }): Promise<string> {
  const { outputFiles } = await build(options);
  const [output] = outputFiles;
  if (output === undefined) throw new Error("esbuild made nothing");
  return output.text;
}

/** Puts a file in place at once, so that a program that is being run, or started at this moment, is the old or the new one. */
async function replaceFile(path: string, write: (path: string) => Promise<void>, mode = 0o755): Promise<void> {
  const fresh = `${path}.${process.pid}`;
  await write(fresh);
  await chmod(fresh, mode);
  await rename(fresh, path);
}

const { values } = parseArgs({ options: { prefix: { type: "string" }, destdir: { type: "string" } } });
if (values.destdir !== undefined && values.prefix === undefined) throw new Error("--destdir needs --prefix");
if (values.prefix === undefined) {
  await buildExecutables(join(root, "dist"), join(root, "dist"), process.execPath);
} else {
  const prefix = resolve(values.prefix);
  const folder = values.destdir === undefined ? prefix : join(values.destdir, prefix);
  await buildExecutables(folder, prefix, join(prefix, "node"));
  await replaceFile(join(folder, "node"), (path) => copyFile(process.execPath, path));
}
