import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { initScripts } from "../../../src/operator/init/scripts.ts";
import { escapeForCommand, initProblem, substitute } from "../../../src/operator/init/substitute.ts";

const paths = { mungeConfPath: "/m", slurmConfPath: "/s" };

test("the two actions are replaced, however they are spaced; nothing else is touched", () => {
  const script = "a {{.MungeKeyPath}} b {{ .SlurmConfPath }} c {{- .MungeKeyPath -}} $x } {";
  expect(initProblem(script)).toBeUndefined();
  expect(substitute(script, paths)).toBe("a /m b /s c /m $x } {");
});

test.each([
  ["{{ .Name }}", "{{ .Name }}"],
  ["x {{if .MungeKeyPath}}y{{end}}", "{{if .MungeKeyPath}}"],
  ["{{.MungeKeyPath | quote}}", "{{.MungeKeyPath | quote}}"],
  ["{{ .toString }}", "{{ .toString }}"],
  ["{{}}", "{{}}"],
])("%s is refused", (script, shown) => {
  expect(initProblem(script)).toBe(`uses ${shown}; only {{.MungeKeyPath}} and {{.SlurmConfPath}} are replaced`);
});

/** As the kubelet does with `command` (third_party/forked/golang/expansion/expand.go), with no variable that is known. */
function expandAsKubernetes(text: string): string {
  return text.replace(/\$(\$|\([^)]*\)|.|$)/gs, (all, next: string) => (next === "$" ? "$" : all));
}

test.each(["$(date)", "$$", "$$(x)", "$$$", "a$", '$x $1 $((1 + 2)) "$@"', "$$$$(x) $ (y) $("])(
  "%j comes out of a container's command as it is",
  (text) => expect(expandAsKubernetes(escapeForCommand(text))).toBe(text),
);

describe.each(Object.entries(initScripts))("the script of %s", (_type, script) => {
  test("is a shell script once its paths are in it, and ASCII", async () => {
    expect(initProblem(script)).toBeUndefined();
    const text = substitute(script, paths);
    expect(text).not.toContain("{{");
    expect(text).toMatch(/^[\n\x20-\x7e]*$/);
    await promisify(execFile)("bash", ["-n", "-c", text]);
  });
  test("says what is missing where there is no munge key, and ends", async () => {
    const run = promisify(execFile)("bash", ["-c", substitute(script, { ...paths, mungeConfPath: "/nonexistent" })]);
    await expect(run).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no /nonexistent/munge.key; mount the Secret"),
    });
  });
});
