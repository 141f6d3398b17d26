/** Brings cloud nodes of a real Slurm into every state that a reader of node states must tell apart. */
import type { Slurm } from "../../test/support/slurm.ts";
import type { SlurmOptions } from "../../test/support/slurm-conf.ts";
import type { SlurmNode } from "../../test/support/slurm-record.ts";

/** A group each, with one node: `demo-worker-<group>-0` then stands in the state that the group is named after. */
const groups = [
  ...["parked", "powering-up-allocated", "powering-up-idle", "up-idle", "up-allocated", "powering-down"],
  ...["power-down-pending", "down-parked", "down-up", "drained", "drained-parked", "maintenance"],
  ...["reboot-requested", "not-responding", "free-text"],
] as const;
type Group = (typeof groups)[number];

const worker = (group: Group) => `demo-worker-${group}-0`;

/** The Slurm that {@link arrange} needs; nothing times out while it is being recorded. */
export function scenarioOptions(programs: NonNullable<SlurmOptions["programs"]>): SlurmOptions {
  return {
    clusterName: "demo",
    groups: Object.fromEntries(groups.map((group) => [group, 1])),
    programs,
    resumeTimeout: 600,
    suspendTimeout: 300,
    partitions: { main: "ALL", "slow-boot": `${worker("parked")},${worker("up-idle")}` },
    slurmctldParameters: ["idle_on_node_suspend", "cloud_dns"],
    extraLines: [
      "RebootProgram=/bin/true",
      "NodeName=demo-future-0 CPUs=1 Port=1 State=FUTURE",
      "NodeName=demo-static-0 NodeAddr=127.0.0.1 CPUs=1 Port=1 State=UNKNOWN",
      "PartitionName=limits Nodes=demo-static-0 ResumeTimeout=900 SuspendTimeout=450 SuspendTime=1200 Hidden=YES",
      "PartitionName=never-parked Nodes=demo-static-0 SuspendTime=INFINITE",
    ],
  };
}

/** Words that a careless reader takes for fields. */
const FREE_TEXT = {
  reason: "was State=POWERING_UP [root@2026-01-01T00:00:00] NodeName=x",
  comment: "a=b State=DOWN Reason=none",
  extra: "rack=7 State=DOWN",
};

/** Takes a freshly started Slurm to that point, in about half a minute. slurmds and jobs run until it is stopped. */
export async function arrange(slurm: Slurm): Promise<void> {
  const until = (group: Group, ...flags: readonly string[]) =>
    slurm.waitForNode(worker(group), `to be ${flags}`, ({ state }) => flags.every((flag) => state.has(flag)), 60_000);
  const isUp = ({ state }: SlurmNode) =>
    state.has("IDLE") && !["POWERED_DOWN", "POWERING_UP", "NOT_RESPONDING"].some((flag) => state.has(flag));
  const update = (group: Group, ...settings: readonly string[]) =>
    slurm.scontrol("update", `NodeName=${worker(group)}`, ...settings);
  const boot = async (group: Group) => {
    await update(group, "State=POWER_UP");
    await until(group, "POWERING_UP");
    const slurmd = await slurm.startSlurmd(worker(group));
    await slurm.waitForNode(worker(group), "to register", isUp, 60_000);
    return slurmd;
  };
  const keepBusy = async (group: Group) => {
    await slurm.sbatch("#!/bin/sh\nsleep 3600\n", "--nodelist", worker(group));
    await until(group, "ALLOCATED");
  };

  await update("powering-up-idle", "State=POWER_UP");
  await keepBusy("powering-up-allocated");
  const up = ["up-idle", "up-allocated", "powering-down", "power-down-pending", "down-up", "drained"] as const;
  for (const group of [...up, "maintenance", "reboot-requested", "not-responding", "free-text"] as const) {
    const slurmd = await boot(group);
    if (group === "not-responding") await slurmd.stop();
  }
  await keepBusy("up-allocated");
  await keepBusy("power-down-pending");
  await keepBusy("reboot-requested");
  await update("powering-down", "State=POWER_DOWN");
  await update("power-down-pending", "State=POWER_DOWN");
  await update("down-parked", "State=DOWN", "Reason=power-agent: Unschedulable: 0/3 nodes are available");
  await update("down-up", "State=DOWN", "Reason=power-agent: Evicted: node was low on resource: memory");
  await update("drained", "State=DRAIN", "Reason=disk is being replaced");
  await update("drained-parked", "State=DRAIN", "Reason=first line\nsecond line");
  await update("not-responding", "State=NoResp");
  await update("free-text", "State=DRAIN", `Reason=${FREE_TEXT.reason}`);
  await update("free-text", `Comment=${FREE_TEXT.comment}`);
  await update("free-text", `Extra=${FREE_TEXT.extra}`);
  const reservation = [
    "ReservationName=works",
    "StartTime=now",
    "Duration=60",
    "Users=root",
    "Flags=maint,ignore_jobs",
  ];
  await slurm.scontrol("create", ...reservation, `Nodes=${worker("maintenance")}`);
  await slurm.scontrol("reboot", "nextstate=RESUME", "reason=kernel update", worker("reboot-requested"));
  await until("maintenance", "MAINTENANCE");
  await until("reboot-requested", "REBOOT_REQUESTED");
  await until("powering-down", "POWERING_DOWN");
  await until("powering-up-allocated", "POWERING_UP");
  await until("not-responding", "NOT_RESPONDING");
}
