/** src/hooks/power-hook.sh: which file descriptors it and what it starts have. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

const hooks = join(import.meta.dirname, "../../src/hooks");

let folder: string;
let hook: string;
beforeEach(() => {
  folder = temporaryFolder();
  hook = join(folder, "slurm-resume.sh");
  const text = readFileSync(join(hooks, "power-hook.sh"), "utf8")
    .replaceAll("@FOLDER@", folder)
    .replaceAll("@VERB@", "resume")
    .replace("/run/slurm-power-agent/copilot.sock", join(folder, "socket"));
  writeExecutable(hook, text);
  copyFileSync(join(hooks, "hand-over.pl"), join(folder, "hand-over.pl"));
  // Says what its descriptors are, and that it has ended; in between it takes as long as it is told to.
  writeExecutable(
    join(folder, "slurm-resume"),
    `#!/bin/sh
descriptors=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)
echo "$descriptors" >${folder}/descriptors
[ "$1" = quick ] || sleep 0.5
echo >${folder}/ended
`,
  );
});

function writeExecutable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** Runs the hook as slurmctld 23.02 and later do, and tells when each of its outputs came to an end. */
async function whileRead(): Promise<{ readonly programHadEnded: readonly boolean[]; readonly exitCode: unknown }> {
  const child = spawn(hook, ["demo-worker-cpu-0"], { env: {}, stdio: ["ignore", "pipe", "pipe"] });
  const closed = [child.stdout, child.stderr].map(async (output) => {
    output.resume();
    await once(output, "end");
    return existsSync(join(folder, "ended"));
  });
  const [exitCode] = await once(child, "exit");
  return { programHadEnded: await Promise.all(closed), exitCode };
}

test("whoever reads its outputs sees no end of them before the program's", async () => {
  expect(await whileRead()).toEqual({ programHadEnded: [true, true], exitCode: 0 });
});

test("nor while the request is handed over to the copilot", async () => {
  const server = createServer((connection) => {
    connection.on("error", () => {});
    connection.once("data", async () => {
      await sleep(500);
      writeFileSync(join(folder, "ended"), "");
      connection.end("HTTP/1.1 200 OK\r\n\r\n1");
    });
  });
  onTestFinished(() => void server.close());
  await once(server.listen(join(folder, "socket")), "listening");
  expect(await whileRead()).toEqual({ programHadEnded: [true, true], exitCode: 1 });
  expect(existsSync(join(folder, "descriptors"))).toBe(false);
});

const all = [0, 1, 2];
const subsets = Array.from({ length: 8 }, (_, bits) => all.filter((number) => bits & (1 << number)));

test.each(subsets.map((closed) => [closed]))(
  "of its descriptors those that are closed become /dev/null: %j",
  async (closed) => {
    const given = join(folder, "given");
    writeFileSync(given, "");
    const close = closed.map((number) => `${number}>&-`);
    const script = `exec "$0" quick <"$1" >"$1" 2>"$1" ${close.join(" ")}`;
    const child = spawn("/bin/sh", ["-c", script, hook, given], { env: {}, stdio: "ignore" });
    expect(await once(child, "exit")).toEqual([0, null]);
    const expected = all.map((number) => (closed.includes(number) ? "/dev/null" : given));
    expect(readFileSync(join(folder, "descriptors"), "utf8").trim().split("\n")).toEqual(expected);
  },
);
