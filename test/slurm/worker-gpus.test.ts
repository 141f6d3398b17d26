/** What the worker's script writes into gres.conf for the GPUs it finds, and what slurmd and slurmctld of each release make of it. */
import { afterEach, expect, test } from "vitest";
import { initScripts } from "../../src/operator/init/scripts.ts";
import { substitute } from "../../src/operator/init/substitute.ts";
import { type Machine, startMachine } from "../support/machine.ts";
import { parseSlurmNode, type SlurmNode } from "../support/slurm-record.ts";
import { slurmRoots } from "../support/slurm-roots.ts";
import { waitFor } from "../support/wait-for.ts";

interface Worker {
  /** What its NodeName line says of GPUs. */
  readonly gres: string;
  /** A line of slurm.conf before it; it holds for those after it too. */
  readonly before?: string;
  /** What slurmctld reads there, if its line alone does not say it. */
  readonly reads?: string;
  /** Names in /dev. */
  readonly devices: readonly string[];
  /** Its lines of gres.conf in the end, without those that it found there. */
  readonly written: readonly string[];
  /** Part of what the script says, if it has something to say. */
  readonly says?: string;
  /** Why slurmctld does not use it: GPUs reported < GPUs configured. Without it the node is used. */
  readonly refused?: string;
}

const workers: Readonly<Record<string, Worker>> = {
  whole: {
    gres: "Gres=gpu:2",
    devices: ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"],
    written: ["Name=gpu File=/dev/nvidia0", "Name=gpu File=/dev/nvidia1"],
  },
  // Some of a machine's GPUs, with a type.
  part: {
    gres: "gres = gpu:a100:2,fpga:1",
    devices: ["nvidia10", "nvidia3", "nvidiactl"],
    written: ["Name=gpu Type=a100 File=/dev/nvidia3", "Name=gpu Type=a100 File=/dev/nvidia10"],
  },
  few: {
    gres: "Gres=gpu:2",
    devices: ["nvidia4"],
    written: ["Name=gpu File=/dev/nvidia4"],
    says: "slurm.conf gives this node gpu:2, and of /dev/nvidia0 and so on there is here: /dev/nvidia4. ",
    refused: "1 < 2",
  },
  many: {
    gres: "Gres=gpu:1",
    devices: ["nvidia0", "nvidia1", "nvidia2"],
    written: ["Name=gpu File=/dev/nvidia0"],
    says: "slurm.conf gives this node gpu:1, and there are more here: /dev/nvidia0 /dev/nvidia1 /dev/nvidia2. ",
  },
  none: {
    gres: "Gres=gpu:a100:1",
    devices: [],
    written: [],
    says: "slurm.conf gives this node gpu:a100:1, and of /dev/nvidia0 and so on there is here: nothing. ",
    refused: "0 < 1",
  },
  // gres.conf names its device; what else there is stays out.
  named: { gres: "Gres=gpu:1", devices: ["nvidia0", "nvidia7"], written: [] },
  mixed: {
    gres: "Gres=gpu:a100:1,gpu:h100:1",
    devices: ["nvidia0", "nvidia1"],
    written: [],
    says: "this node has GPUs of several types (gpu:a100:1,gpu:h100:1), and their files do not tell which is which",
    refused: "0 < 2",
  },
  plain: { gres: "", devices: ["nvidia0"], written: [] },
  // A type may be a number.
  numeric: {
    gres: "Gres=gpu:4090:2",
    devices: ["nvidia0", "nvidia1"],
    written: ["Name=gpu Type=4090 File=/dev/nvidia0", "Name=gpu Type=4090 File=/dev/nvidia1"],
  },
  untyped: { gres: "Gres=gpu", devices: ["nvidia0"], written: ["Name=gpu File=/dev/nvidia0"] },
  uncounted: { gres: "Gres=gpu:a100", devices: ["nvidia1"], written: ["Name=gpu Type=a100 File=/dev/nvidia1"] },
  unconsumed: { gres: "Gres=gpu:no_consume:1", devices: ["nvidia1"], written: ["Name=gpu File=/dev/nvidia1"] },
  socket: {
    gres: "Gres=gpu:a100:2(S:0)",
    devices: ["nvidia0", "nvidia1"],
    written: ["Name=gpu Type=a100 File=/dev/nvidia0", "Name=gpu Type=a100 File=/dev/nvidia1"],
  },
  // Slurm logs an error about "1)", and uses the node.
  sockets: {
    gres: "Gres=gpu:a100:2(S:0,1)",
    devices: ["nvidia0", "nvidia1"],
    written: ["Name=gpu Type=a100 File=/dev/nvidia0", "Name=gpu Type=a100 File=/dev/nvidia1"],
  },
  continued: {
    gres: "\\ # of the line\n  Gres=gpu:\\\n1 \\\n",
    reads: "gpu:1",
    devices: ["nvidia2"],
    written: ["Name=gpu File=/dev/nvidia2"],
  },
  // gres.conf asks Slurm to look for them itself, and the Slurm of Debian cannot.
  detected: { gres: "Gres=gpu:1", devices: ["nvidia0"], written: [], refused: "0 < 1" },
  default: {
    before: "NodeName=DEFAULT Gres=gpu:1",
    gres: "",
    reads: "gpu:1",
    devices: ["nvidia5"],
    written: ["Name=gpu File=/dev/nvidia5"],
  },
  // A second DEFAULT line adds to the first.
  merged: {
    before: "NodeName=default Feature=second",
    gres: "",
    reads: "gpu:1",
    devices: ["nvidia6"],
    written: ["Name=gpu File=/dev/nvidia6"],
  },
};

const nodeName = (kind: string): string => `demo-worker-${kind}-0`;
const nodeNames = Object.keys(workers).map(nodeName);

const slurmConf = `
ClusterName=demo
SlurmctldHost=demo-0
SlurmUser=slurm
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmdPidFile=/run/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmctldParameters=cloud_dns,power_save_interval=1
ResumeProgram=/bin/true
SuspendProgram=/bin/true
SuspendTime=600
ResumeTimeout=600
PrivateData=cloud
MailProg=/bin/true
GresTypes=gpu,fpga
PartitionName=main Nodes=ALL Default=YES
${Object.entries(workers)
  .map(([kind, { before, gres }], position) =>
    [
      ...(before === undefined ? [] : [before]),
      `NodeName=${nodeName(kind)} Port=${7001 + position} CPUs=2 RealMemory=100 State=CLOUD ${gres}`,
    ].join("\n"),
  )
  .join("\n")}`;

const gresConf = `AutoDetect=off
NodeName=${nodeName("part")} Name=fpga Count=1
NodeName=${nodeName("named")} Name=gpu File=/dev/nvidia7
NodeName=${nodeName("detected")} AutoDetect=nvml
`;

const prepare = `
install -d /var/munge /var/slurm /etc/slurm
install -d -o slurm -g slurm -m 0700 /var/spool/slurmctld
head -c 128 /dev/urandom >/var/munge/munge.key
install -d -o munge -g munge -m 0755 /run/munge
install -d -o munge -g munge -m 0700 /etc/munge /var/lib/munge /var/log/munge
install -o munge -g munge -m 0400 /var/munge/munge.key /etc/munge/munge.key
printf '%s' "$1" | tee /etc/slurm/slurm.conf >/var/slurm/slurm.conf
printf '%s' "$2" >/var/slurm/gres.conf
# At AutoDetect=off for all and nvml for one cloud node slurmctld of 22.05 and 24.11 ends; workers may have it.
grep -v AutoDetect=nvml /var/slurm/gres.conf >/etc/slurm/gres.conf
printf '%s\\n' "$3" >/var/slurm/cgroup.conf
cp /var/slurm/cgroup.conf /etc/slurm
shift 3
for node; do install -d "/conf-of/$node"; done
`;

/** A container: folders, processes and devices of its own. $1 is the script, $2 the node, $3 and on the devices. */
const container = `
set -eu
script=$1
export HOSTNAME=$2
shift 2
mount --bind "/conf-of/$HOSTNAME" /etc/slurm
for folder in /run /etc/munge /var/spool /var/lib/munge; do mount -t tmpfs tmpfs "$folder"; done
mount -t tmpfs -o mode=755 tmpfs /mnt
cp -a /dev/null /dev/zero /dev/urandom /dev/fd /dev/stdin /dev/stdout /dev/stderr /mnt
mkdir -m 1777 /mnt/shm
# Slurm only looks whether they are there.
for device; do mknod -m 666 "/mnt/$device" c 1 3; done
mount --move /mnt /dev
exec bash -c "$script" worker-init
`;

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.stop();
  machine = undefined;
});

async function startHead(suite: string, root: string): Promise<Machine> {
  const head = await startMachine({ root, hostName: "demo-0", otherNames: nodeNames });
  machine = head;
  const cgroupConf = `CgroupPlugin=${suite === "bookworm" ? "cgroup/v1" : "disabled"}`;
  await head.script(prepare, slurmConf, gresConf, cgroupConf, ...nodeNames);
  await head.start("munged", "setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground");
  await waitFor("munged", () => head.run("munge", "--no-input"), Boolean, 20_000);
  const slurmctld = await head.start("slurmctld", "slurmctld", "-D");
  const answer = () => head.run("scontrol", "ping").catch(async () => slurmctld.logTail());
  await waitFor("slurmctld", answer, (text) => text.includes("is UP"), 60_000);
  return head;
}

/** Whether slurmctld uses a node, or does not for the reason given. */
function isSettled(node: SlurmNode | undefined, refused: string | undefined): boolean {
  if (node === undefined || ["POWERING_UP", "NOT_RESPONDING"].some((word) => node.state.has(word))) return false;
  if (refused === undefined) return [...node.state].join("+") === "IDLE+CLOUD";
  const isOut = node.state.has("DOWN") || node.state.has("INVALID_REG");
  return isOut && node.reason.includes(`gres/gpu count reported lower than configured (${refused})`);
}

// Above the sum of all limits within.
const limit = { timeout: 900_000 };

test.for(Object.entries(slurmRoots))("GPUs of workers with the Slurm of %s", limit, async ([suite, root], context) => {
  if (root === undefined) return context.skip(`this machine has no Slurm of ${suite}`);
  const head = await startHead(suite, root);
  await head.run("scontrol", "update", `NodeName=${nodeNames.join(",")}`, "State=POWER_UP");
  const nodes = async () =>
    (await head.run("scontrol", "-o", "show", "node")).split("\n").filter(Boolean).map(parseSlurmNode);
  // One that registers before slurmctld wakes it would be woken once more.
  const woken = (all: readonly SlurmNode[]) => all.every(({ state }) => state.has("POWERING_UP"));
  await waitFor("nodes to be woken", nodes, woken, 60_000);
  const script = substitute(initScripts.worker, { mungeConfPath: "/var/munge", slurmConfPath: "/var/slurm" });
  const apart = ["--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "--kill-child"];
  const started = await Promise.all(
    Object.entries(workers).map(async ([kind, worker]) => {
      const args = [...apart, "bash", "-c", container, "container", script, nodeName(kind), ...worker.devices];
      return { ...worker, name: nodeName(kind), daemon: await head.start(kind, "unshare", ...args) };
    }),
  );
  const unsettled = async () => {
    const found = new Map((await nodes()).map((node) => [node.name, node]));
    return started.filter(({ name, refused }) => !isSettled(found.get(name), refused)).map(({ name }) => name);
  };
  await waitFor("nodes to settle", unsettled, ({ length }) => length === 0, 300_000).catch(async (error: unknown) => {
    const waiting = await unsettled();
    const show = await head.run("scontrol", "-o", "show", "node", waiting.join(","));
    const logs = await Promise.all(
      started.filter(({ name }) => waiting.includes(name)).map(({ daemon }) => daemon.log()),
    );
    throw new Error([String(error), show, ...logs].join("\n"), { cause: error });
  });
  const gresOf = new Map((await nodes()).map(({ name, fields }) => [name, fields.Gres]));
  await Promise.all(
    started.map(async ({ name, daemon, reads, written, says }) => {
      if (reads !== undefined) expect(gresOf.get(name), name).toBe(reads);
      const lines = (await head.run("cat", `/conf-of/${name}/gres.conf`)).slice(gresConf.length).split("\n");
      expect(lines.filter(Boolean), name).toEqual(written.map((line) => `NodeName=${name} ${line}`));
      const said = (await daemon.log()).split("\n").filter((line) => /^\S+Z init: /.test(line));
      expect(said, name).toEqual(says === undefined ? [] : [expect.stringContaining(says)]);
    }),
  );
  const environment = await head.run("srun", `--nodelist=${nodeName("part")}`, "--gres=gpu:a100:2,fpga:1", "env");
  // CUDA counts the devices that it sees in the container, from 0, whatever their numbers are on the machine.
  expect(environment).toMatch(/^CUDA_VISIBLE_DEVICES=0,1$/m);
});
