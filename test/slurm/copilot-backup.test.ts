/** With a backup controller there are two copilots, and the one beside the slurmctld that serves acts. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { parse, stringify } from "yaml";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { applyCopilotRole } from "../support/agent-role.ts";
import { type CopilotProcess, installationThatLoses, startCopilot } from "../support/copilot-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem } from "../support/whole-system.ts";

let controlPlane: ControlPlane;
let system: WholeSystem | undefined;
const copilots: CopilotProcess[] = [];
let backup: ChildProcess | undefined;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane?.stop());
afterEach(async () => {
  for (const copilot of copilots.splice(0)) await copilot.end("SIGKILL");
  backup?.kill("SIGKILL");
  await system?.stop();
});

/** slurm.conf of the backup's host: the same, and settings beside it with a log and a socket of their own. */
async function secondHost({ slurm }: WholeSystem): Promise<{ confFile: string; log: () => Promise<string> }> {
  const folder = join(slurm.folder, "log/backup");
  await mkdir(folder, { mode: 0o777 });
  const settings = parse(await readFile(join(slurm.folder, "power-agent.yaml"), "utf8"));
  const paths = {
    resumeLog: join(slurm.folder, "log/backup.log"),
    copilotSocket: join(slurm.folder, "log/backup.sock"),
  };
  await writeFile(join(folder, "power-agent.yaml"), stringify({ ...settings, ...paths }));
  const conf = await readFile(slurm.confFile, "utf8");
  // A slurmctld ends whoever its pid file names.
  await writeFile(join(folder, "slurm.conf"), conf.replace(/^SlurmctldPidFile=.*$/m, "$&.backup"));
  await writeFile(join(folder, "hosts"), `${await readFile("/etc/hosts", "utf8")}\n127.0.0.2 backup\n`);
  return { confFile: join(folder, "slurm.conf"), log: () => readFile(paths.resumeLog, "utf8") };
}

/** A slurmctld that has just begun to serve refuses this until it has looked at power saving once. */
function powerUp({ scontrol }: WholeSystem["slurm"], node: string): Promise<string> {
  return waitFor(
    `${node} to be told`,
    () => scontrol("update", `nodename=${node}`, "state=POWER_UP"),
    () => true,
    30_000,
  );
}

test("the copilot beside the backup stands by, and acts when its slurmctld has taken over", async () => {
  const installation = await installationThatLoses(inject("installation"), ["slurm-resume"]);
  system = await startWholeSystem({
    controlPlane,
    installation,
    clusterName: "two",
    groups: { cpu: 2 },
    // Both on this machine: each is bound to the address of its own.
    extraLines: [
      "SlurmctldHost=backup(127.0.0.2)",
      "SlurmctldTimeout=10",
      "CommunicationParameters=NoAddrCache,NoCtldInAddrAny",
    ],
  });
  const { slurm, cluster } = system;
  await applyCopilotRole(controlPlane, { namespace: "default", cluster: "two" });
  const second = await secondHost(system);
  const become = 'hostname backup; mount --bind "$1" /etc/hosts; exec slurmctld -D -f "$2"';
  const namespaces = ["--uts", "--mount", "--propagation", "private"];
  const files = [join(slurm.folder, "log/backup/hosts"), second.confFile];
  backup = spawn("unshare", [...namespaces, "sh", "-c", become, "sh", ...files], { env: slurm.env, stdio: "ignore" });
  await once(backup, "spawn");
  await waitFor(
    "the backup",
    () => slurm.scontrol("ping"),
    (said) => said.includes("backup is UP"),
    20_000,
  );
  copilots.push(await startCopilot(inject("installation"), system));
  copilots.push(await startCopilot(inject("installation"), system, { ...second, hostname: "backup" }));
  await waitFor("the second to stand by", second.log, (text) => text.includes("stands by: "), 20_000);
  expect(await second.log()).toContain(`stands by: slurmctld of ${hostname()} serves, and its copilot acts`);

  await powerUp(slurm, "two-worker-cpu-0");
  await waitFor("the lost resume", cluster.groups, ({ cpu }) => cpu?.podsToBeCreated?.includes(0) === true, 40_000);
  expect(await second.log()).not.toContain("lost-resume");
  const { body } = await controlPlane.request(
    "GET",
    "/apis/coordination.k8s.io/v1/namespaces/default/leases/two-copilot",
  );
  expect(body).toMatchObject({ spec: { holderIdentity: expect.stringMatching(new RegExp(`^${hostname()}-`)) } });

  await copilots[0]?.end("SIGKILL");
  await slurm.killController("SIGKILL");
  await waitFor("the backup to serve", slurm.nodes, (nodes) => nodes.length === 2, 60_000);
  await powerUp(slurm, "two-worker-cpu-1");
  await waitFor("the lost resume", cluster.groups, ({ cpu }) => cpu?.podsToBeCreated?.includes(1) === true, 60_000);
  expect(await second.log()).toContain("no longer stands by");
});
