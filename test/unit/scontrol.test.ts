import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createScontrol } from "../../src/slurm/scontrol.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Stands in for scontrol where only starting, ending and killing a program is at stake; the real one is used in the slurm tier. */
function program(script: string): string {
  const path = join(temporaryFolder(), "scontrol");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}
const now = () => performance.now();

describe("createScontrol", () => {
  test("passes arguments as they are, and an environment of SLURM_CONF and UTC alone", async () => {
    const path = program('printf "%s\\n" "$@"; env | grep -v ^PWD= | grep -v ^_= | sort');
    const scontrol = createScontrol({ path, env: { SLURM_CONF: "/x/slurm.conf", SECRET: "1", PATH: "/evil" }, now });
    expect(await scontrol(["a b", "$(id)", "Reason=x y"])).toEqual({
      ok: true,
      stdout: "a b\n$(id)\nReason=x y\nSLURM_CONF=/x/slurm.conf\nTZ=UTC0\n",
    });
  });

  test("a refusal is an answer, a controller that is down is none", async () => {
    const refusing = createScontrol({
      path: program('echo "slurm_update error: Invalid node name specified" >&2; exit 1'),
      env: {},
      now,
    });
    expect(await refusing([])).toMatchObject({
      ok: false,
      answered: true,
      message: "slurm_update error: Invalid node name specified (exit code 1)",
    });
    const down = createScontrol({
      path: program('echo "slurm_load_node error: Unable to contact slurm controller (connect failure)" >&2; exit 1'),
      env: {},
      now,
    });
    expect(await down([])).toMatchObject({ ok: false, answered: false });
  });

  test("warnings on stderr do not make a failure", async () => {
    const scontrol = createScontrol({ path: program('echo "Invalid ReconfigFlag: X" >&2; echo out'), env: {}, now });
    expect(await scontrol([])).toEqual({ ok: true, stdout: "out\n" });
  });

  test("all runs together end with the budget", async () => {
    const scontrol = createScontrol({ path: program("exec sleep 30"), env: {}, now, budget: 300 });
    const started = now();
    for (let call = 0; call < 5; call += 1) expect(await scontrol([])).toMatchObject({ ok: false, answered: false });
    expect(now() - started).toBeGreaterThan(290);
    expect(now() - started).toBeLessThan(2000);
  });

  test.each([["/no/such/scontrol"], [undefined]])("%s: a scontrol that is missing is a result", async (path) => {
    const scontrol = createScontrol({ path, env: { PATH: "" }, now });
    const result = await scontrol(["--no-such-option-of-any-scontrol"]);
    expect(result.ok).toBe(false);
    if (path !== undefined) expect(result).toMatchObject({ answered: false });
  });
});
