import { execFile, execFileSync, type StdioOptions } from "node:child_process";
import { cleanUpAtExit } from "../cluster/cleanup.ts";
import { shellWords } from "./format.ts";
import type { Shown } from "./screen.ts";

/** A kubectl and the cluster that it leads to. */
export interface Kubectl {
  /** Path or name of the program. */
  readonly program: string;
  /** Stand before the command, such as `--context=NAME`; the user sees them. */
  readonly options: readonly string[];
  /** The program's whole environment. */
  readonly env: NodeJS.ProcessEnv;
}

/** The line that a user would type. */
export const kubectlLine = ({ options }: Pick<Kubectl, "options">, args: readonly string[]): string =>
  shellWords(["kubectl", ...options, ...args]);

/**
 * Runs kubectl for at most a minute. Where standard output is empty, the output is that of standard error: "No resources found"
 * is an answer, too.
 *
 * @throws Error with what kubectl said on standard error
 */
export async function runKubectl(kubectl: Kubectl, args: readonly string[], input?: string): Promise<Shown> {
  const { program, options, env } = kubectl;
  const command = kubectlLine(kubectl, args);
  const output = await new Promise<string>((resolve, reject) => {
    const settings = { env, timeout: 60_000, maxBuffer: 64 << 20 };
    const child = execFile(program, [...options, ...args], settings, (error, stdout, stderr) => {
      forgetCleanup();
      if (error === null) resolve(stdout || stderr);
      else reject(new Error(`${command} failed: ${stderr.trim() || error.message}`, { cause: error }));
    });
    // Else one that talks to a Pod would wait on for an answer when the cluster has gone.
    const forgetCleanup = cleanUpAtExit(() => child.kill("SIGKILL"));
    child.stdin?.end(input);
  });
  return { command, output };
}

/** The same while nothing else can happen, for the clean-up of a process that ends. Waits for as long as kubectl does. */
export function runKubectlNow({ program, options, env }: Kubectl, args: readonly string[]): string {
  const maxBuffer = 64 << 20;
  const stdio: StdioOptions = ["ignore", "pipe", "pipe"];
  return execFileSync(program, [...options, ...args], { env, encoding: "utf8", maxBuffer, stdio });
}
