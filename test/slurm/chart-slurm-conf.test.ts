import { afterEach, expect, test } from "vitest";
import { parse } from "yaml";
import { charts } from "../../scripts/charts/charts.ts";
import { describeWithHelm, template } from "../support/helm.ts";
import { type Daemon, type Machine, startMachine } from "../support/machine.ts";
import { parseSlurmRecord } from "../support/slurm-record.ts";
import { slurmRoots } from "../support/slurm-roots.ts";
import { waitFor } from "../support/wait-for.ts";

/*
 * The chart's slurm.conf, as it is, in a real slurmctld and slurmd: on a machine with the head's name, so that neither paths
 * nor ports nor names have to be changed.
 */

// Devices that every machine has; Slurm only looks whether they are there.
const gres = [
  { name: "gpu", type: "a100", count: 1, file: "/dev/null" },
  { name: "fpga", count: 2 },
];
const groups = [
  { name: "cpu", maxNodes: 11, cpus: 1, memory: "512Mi", features: ["ssd"], nodeOptions: "Weight=10" },
  { name: "gpu", maxNodes: 2, cpus: 2, memory: "4Gi", gres },
  { name: "one", maxNodes: 1, cpus: 1, memory: "1Gi" },
];
const partitions = [
  { name: "main", groups: ["cpu", "one"] },
  { name: "accelerated", groups: ["gpu"], options: "MaxTime=1-0 ResumeTimeout=900" },
  { name: "all" },
];

/** The files of the chart's ConfigMap. */
async function renderConfFiles(...values: readonly string[]): Promise<Record<string, string>> {
  const chart = charts.find(({ name }) => name === "slurm-cluster")?.folder ?? "";
  const args = ["--show-only", "templates/slurm-conf.yaml", ...values];
  const lists = [
    "--set-json",
    `workerGroups=${JSON.stringify(groups)}`,
    "--set-json",
    `partitions=${JSON.stringify(partitions)}`,
  ];
  return parse(await template(chart, ...args, ...lists)).data;
}

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.stop();
  machine = undefined;
});

/** What the head's image and init make, as far as Slurm needs it, with programs that only note their argument. */
const prepare = `
install -d -o munge -g munge -m 0755 /run/munge
install -d -o munge -g munge -m 0700 /etc/munge /var/lib/munge /var/log/munge
head -c 128 /dev/urandom >/etc/munge/munge.key
chown munge: /etc/munge/munge.key
chmod 0400 /etc/munge/munge.key
install -d -o slurm -g slurm -m 0700 /var/spool/slurmctld
install -d /var/spool/slurmd /etc/slurm
install -m 0666 /dev/null /calls
for program in resume suspend resume-fail; do
  printf '#!/bin/sh\\necho "%s $1" >>/calls\\n' "$program" >"/slurm-$program.sh"
  chmod 0755 "/slurm-$program.sh"
done
`;

/** A machine demo-0 whose slurmctld has read these files and answers. */
async function startHead(
  root: string,
  files: Readonly<Record<string, string>>,
): Promise<{ machine: Machine; slurmctld: Daemon }> {
  const head = await startMachine({ root, hostName: "demo-0", otherNames: ["demo-worker-gpu-0"] });
  machine = head;
  await head.script(prepare);
  for (const [name, text] of Object.entries(files)) {
    await head.script(`printf '%s' "$2" >"/etc/slurm/$1"`, name, text);
  }
  await head.start("munged", "setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground");
  await waitFor(
    "munged",
    () => head.run("munge", "--no-input"),
    (credential) => credential !== "",
    20_000,
  );
  const slurmctld = await head.start("slurmctld", "slurmctld", "-D");
  const answer = () => head.run("scontrol", "ping").catch(async () => slurmctld.logTail());
  await waitFor("slurmctld", answer, (text) => text.includes("is UP"), 30_000);
  return { machine: head, slurmctld };
}

/** Lines in which a daemon complains, but for those that every first start has, and those about this machine. */
function complaints(log: string): string[] {
  const expected = [
    /Could not open \w+ state file/,
    /NOTE: Trying backup state save file/,
    // The MPI plugins of Debian 12 are tried without their library.
    /pmix|PMIx/,
    // The machine has more CPUs than the node.
    /Node configuration differs from hardware/,
  ];
  const lines = log.split("\n").filter((line) => /error|warning|fatal|invalid|defunct|ignor/i.test(line));
  return lines.filter((line) => !expected.some((pattern) => pattern.test(line)));
}

const records = async (head: Machine, ...what: readonly string[]) =>
  (await head.run("scontrol", "-o", "show", ...what)).split("\n").filter(Boolean).map(parseSlurmRecord);

describeWithHelm("the chart's slurm.conf", () => {
  test.for(Object.entries(slurmRoots))(
    "serves slurmctld and slurmd of %s, without a complaint",
    async ([suite, root], context) => {
      if (root === undefined) return context.skip(`this machine has no Slurm of ${suite}`);
      const { machine: head, slurmctld } = await startHead(root, await renderConfFiles("--set", `suite=${suite}`));
      expect(complaints(await slurmctld.log())).toEqual([]);
      // An unknown option is an error of every command, on standard error.
      expect(await head.script("sinfo 2>&1 >/dev/null")).toBe("");

      const nodes = await records(head, "node");
      expect(nodes).toHaveLength(14);
      const byName = new Map(nodes.map((node) => [node.NodeName, node]));
      expect(byName.get("demo-worker-cpu-10")).toMatchObject({
        CPUTot: "1",
        RealMemory: "256",
        AvailableFeatures: "cloud,cpu,ssd",
        Weight: "10",
        State: "IDLE+CLOUD+POWERED_DOWN",
      });
      expect(byName.get("demo-worker-gpu-1")).toMatchObject({
        CPUTot: "2",
        RealMemory: "3840",
        Gres: "gpu:a100:1,fpga:2",
      });
      expect(byName.get("demo-worker-one-0")).toMatchObject({ RealMemory: "768", Partitions: "main,all" });
      expect(await records(head, "partition")).toMatchObject([
        {
          PartitionName: "main",
          Default: "YES",
          Nodes: "demo-worker-cpu-[0-10],demo-worker-one-0",
          DefMemPerCPU: "256",
        },
        { PartitionName: "accelerated", Default: "NO", MaxTime: "1-00:00:00", DefMemPerCPU: "1920" },
        { PartitionName: "all", TotalNodes: "14", DefMemPerCPU: "256" },
      ]);
      const config = await head.run("scontrol", "show", "config");
      for (const [key, value] of [
        ["ResumeProgram", "/slurm-resume.sh"],
        ["ResumeFailProgram", "/slurm-resume-fail.sh"],
        ["SuspendProgram", "/slurm-suspend.sh"],
        ["ResumeRate", "0 nodes/min"],
        ["SuspendRate", "0 nodes/min"],
        ["SuspendTime", "600 sec"],
        ["SuspendTimeout", "120 sec"],
        ["ResumeTimeout", "600 sec"],
        ["ReturnToService", "2"],
        ["SlurmctldParameters", "cloud_dns"],
        ["AuthInfo", "cred_expire=30"],
      ]) {
        expect(config).toMatch(new RegExp(`^${key} += ${value}$`, "m"));
      }

      const asNobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] as const;
      await head.run(
        ...asNobody,
        "sbatch",
        "--chdir=/tmp",
        "--partition=accelerated",
        "--gres=gpu:1,fpga:1",
        "--wrap=srun hostname",
      );
      const readCalls = () => head.run("cat", "/calls");
      expect(await waitFor("a node to be woken", readCalls, (calls) => calls !== "", 30_000)).toBe(
        "resume demo-worker-gpu-0\n",
      );
      const slurmd = await head.start("slurmd", "slurmd", "-D", "-b", "-N", "demo-worker-gpu-0");
      const job = async () => (await records(head, "job", "1"))[0] ?? {};
      // slurmctld looks for woken nodes' jobs every 30 seconds.
      const ended = await waitFor(
        "the job",
        job,
        ({ JobState = "" }) => /COMPLETED|FAILED|CANCELLED/.test(JobState),
        120_000,
      );
      expect(ended).toMatchObject({ JobState: "COMPLETED", NodeList: "demo-worker-gpu-0" });
      expect(await head.run("cat", "/tmp/slurm-1.out")).toBe("demo-0\n");
      expect(complaints(await slurmd.log())).toEqual([]);
      expect(complaints(await slurmctld.log())).toEqual([]);
    },
  );

  test("written for another release it gives complaints, which are noticed", async (context) => {
    const { trixie } = slurmRoots;
    if (trixie === undefined) return context.skip("this machine has no Slurm of trixie");
    const { slurmctld } = await startHead(trixie, await renderConfFiles("--set", "suite=trixie,slurm.version=22.05"));
    expect(complaints(await slurmctld.log())).toEqual([
      expect.stringContaining('CommunicationParameters option "NoAddrCache" is defunct'),
      expect.stringContaining('CommunicationParameters option "NoAddrCache" is defunct'),
    ]);
  });
});
