import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { cleanUpAtExit } from "../cluster/cleanup.ts";
import { runGoBuild } from "../go-build.ts";

const execute = promisify(execFile);

/** helm of this machine, or why there is none. */
export type Helm =
  | { readonly program: string; readonly missing?: never }
  | { readonly program?: never; readonly missing: string };

/**
 * Finds helm, and builds it first where this machine has Go and no helm of ours yet: about two minutes, once (see helm.sh, which
 * says on standard error what it does).
 *
 * @throws Error with the script's output when the build fails
 */
export async function prepareHelm(): Promise<Helm> {
  const { path, missing } = await runGoBuild(join(import.meta.dirname, "helm.sh"));
  return path === undefined ? { missing } : { program: path };
}

/**
 * Runs helm and resolves to its standard output.
 *
 * @param environment added to an otherwise empty one but for PATH and HOME: KUBECONFIG, say
 * @throws what execFile does, with `stderr`, when helm fails
 */
export async function runHelm(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { PATH = "", HOME = "" } = process.env;
  const options = { env: { PATH, HOME, ...environment }, maxBuffer: 1 << 26, timeout: 120_000 };
  const running = execute(program, args, options);
  const forgetCleanup = cleanUpAtExit(() => running.child.kill("SIGKILL"));
  return (await running.finally(forgetCleanup)).stdout;
}
