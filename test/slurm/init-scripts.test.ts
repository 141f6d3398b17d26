import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { initScripts } from "../../src/operator/init/scripts.ts";
import { substitute } from "../../src/operator/init/substitute.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("the scripts of head and worker bring up a cluster that runs a job, in an image that knows nothing of us", async () => {
  const folder = temporaryFolder();
  const paths = { mungeConfPath: "/var/munge", slurmConfPath: "/var/slurm" };
  for (const type of ["head", "worker"] as const) {
    await writeFile(join(folder, `${type}.bash`), substitute(initScripts[type], paths));
  }
  const script = join(import.meta.dirname, "../support/init-scripts.bash");
  const namespaces = ["--mount", "--pid", "--fork", "--net", "--uts", "--ipc", "--kill-child"];
  const output = await new Promise<string>((resolve) => {
    execFile("unshare", [...namespaces, "bash", script, folder], (error, stdout, stderr) => {
      resolve(error === null ? stdout : `${stdout}${stderr}${String(error)}`);
    });
  });
  const log = async (name: string) => await readFile(join(folder, name), "utf8");
  expect(output.split("\n"), `${await log("head.log")}\n---\n${await log("worker.log")}`).toEqual([
    "job: demo-worker-cpu-0",
    "address: 10.0.0.1:443",
    "file: /var/spool/slurmctld slurm 700",
    "file: /run/slurm-power-agent slurm 750",
    "file: /var/log/slurm-resume.log slurm 640",
    "file: /var/log/slurm-suspend.log slurm 640",
    "file: /etc/munge/munge.key munge 400",
    "file: /etc/slurm/slurmdbd.conf slurm 600",
    "slurmctld: slurm",
    "told: munged ended with exit code 0; starts again in 5 s",
    "told: every user here can read /var/slurm/slurmdbd.conf, which holds a secret",
    "zombies: 0",
    "worker ended: 0, Slurmd shutdown completing",
    "boots that count: 10",
    "",
  ]);
});
