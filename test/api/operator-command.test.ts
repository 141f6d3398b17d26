import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, inject, test } from "vitest";

/** Runs slurm-operator, which must end by itself. */
function run(args: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(join(inject("installation"), "slurm-operator"), [...args], { env: {} }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

test("--help names every flag, the exit codes and examples", async () => {
  const { exitCode, stdout } = await run(["--help"]);
  expect(exitCode).toBe(0);
  for (const word of [
    "--namespace",
    "--leader-elect-namespace",
    "--metrics-port",
    "--kubeconfig",
    "--cluster-domain",
    "--log-format",
    "Exit codes:",
    "Examples:",
  ]) {
    expect(stdout).toContain(word);
  }
});

test.each<[string, readonly string[], string]>([
  ["an unknown flag", ["--frobnicate"], "unknown option '--frobnicate'"],
  ["an argument", ["demo"], "too many arguments"],
  ["a namespace that is none", ["--namespace", "A_b"], "It must be a DNS name"],
  ["a port that is none", ["--metrics-port", "70000"], "from 0 to 65535"],
  ["a format that is none", ["--log-format", "xml"], "Allowed choices are text, json"],
  ["no way to the API", [], "no way to the Kubernetes API: no --kubeconfig, no KUBECONFIG"],
  ["a kubeconfig that is not there", ["--kubeconfig", "/nonexistent"], "/nonexistent"],
])("%s ends it with exit 2 and one clear line", async (_what, args, said) => {
  const { exitCode, stderr } = await run(args);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(said);
  expect(stderr).not.toContain("    at ");
});
