/** What a test says about the Slurm it wants; {@link renderSlurmConf} turns it into a slurm.conf. */
export interface SlurmOptions {
  /** Slurm's ClusterName and the SlurmCluster's name: the prefix of every node name. */
  readonly clusterName: string;
  /** Worker group → number of nodes. A group that Kubernetes lacks is written here like any other. */
  readonly groups: Readonly<Record<string, number>>;
  /** Full names of further cloud nodes that do not follow `<cluster>-worker-<group>-<index>`. */
  readonly otherNodes?: readonly string[];
  /** Partition → its nodes, a Slurm host list or `ALL`. The first one is the default. Without any: `main` with `ALL`. */
  readonly partitions?: Readonly<Record<string, string>>;
  /** Absolute paths of the programs slurmctld runs. Without them power saving stays off. */
  readonly programs?: { readonly resume: string; readonly suspend: string; readonly resumeFail?: string };
  /** Seconds of idleness after which a node is powered down. Default: 3600, never within a test. */
  readonly suspendTime?: number;
  /** Seconds a node stays POWERING_DOWN. Default: 5; more than MessageTimeout, 10, where a requeued job may get its lost node back. */
  readonly suspendTimeout?: number;
  /** Seconds a node may stay POWERING_UP. Default: 120. */
  readonly resumeTimeout?: number;
  /** Words to add to SlurmctldParameters, for example `idle_on_node_suspend`. */
  readonly slurmctldParameters?: readonly string[];
  /** Slurm 22.05 shows POWERED_DOWN cloud nodes to nobody unless PrivateData has `cloud`. Default: true. */
  readonly showPoweredDownNodes?: boolean;
  /** Lines appended to slurm.conf as they are. */
  readonly extraLines?: readonly string[];
}

/** Where one run of Slurm lives: everything that differs between two runs with the same options. */
export interface SlurmPlace {
  /** Folder of its own; see `slurm.ts` for what lies in it. */
  readonly folder: string;
  /** slurmctld's port; node number n (in the order of {@link slurmNodeNames}) listens on this port + 1 + n. */
  readonly port: number;
  /** This machine's short host name, as slurmctld and slurmd find it with gethostname(2). */
  readonly hostName: string;
}

/** All node names in the order of slurm.conf: group by group, then the others. */
export function slurmNodeNames(options: SlurmOptions): string[] {
  const workers = Object.entries(options.groups).flatMap(([group, count]) =>
    Array.from({ length: count }, (_, index) => `${options.clusterName}-worker-${group}-${index}`),
  );
  return [...workers, ...(options.otherNodes ?? [])];
}

/**
 * A slurm.conf for one machine that plays controller and all nodes.
 *
 * - Every node has a port of its own and this machine's address, which is what Debian's `--enable-multiple-slurmd` build
 *   asks for to run several `slurmd -N NAME` side by side.
 * - Nothing needs cgroups, systemd or a database.
 * - `cred_expire=5`: a requeued batch job may start again after cred_expire + 1 seconds (121 with Slurm's default); 5 is the
 *   least that Slurm 22.05 takes (src/common/slurm_cred.c).
 * - batch_sched_delay=0: a submitted job is looked at within a second or two; 22.05 lets it lie up to 3 seconds by default.
 * - power_save_interval=1: slurmctld looks for nodes to wake or park each second instead of every ten.
 */
export function renderSlurmConf(options: SlurmOptions, place: SlurmPlace): string {
  const { folder, port, hostName } = place;
  const lines = [
    `ClusterName=${options.clusterName}`,
    `SlurmctldHost=${hostName}(127.0.0.1)`,
    `SlurmctldPort=${port}`,
    "SlurmUser=slurm",
    "AuthType=auth/munge",
    "CredType=cred/munge",
    `AuthInfo=socket=${folder}/munge/socket,cred_expire=5`,
    `StateSaveLocation=${folder}/state`,
    `SlurmctldPidFile=${folder}/state/slurmctld.pid`,
    `SlurmctldLogFile=${folder}/log/slurmctld.log`,
    "SlurmctldDebug=debug",
    "DebugFlags=Power",
    "LogTimeFormat=iso8601_ms",
    `SlurmdSpoolDir=${folder}/spool/%n`,
    `SlurmdPidFile=${folder}/spool/%n.pid`,
    `SlurmdLogFile=${folder}/log/%n.log`,
    "ProctrackType=proctrack/linuxproc",
    "TaskPlugin=task/none",
    "JobAcctGatherType=jobacct_gather/none",
    "AccountingStorageType=accounting_storage/none",
    "MpiDefault=none",
    "ReturnToService=2",
    "TreeWidth=65533",
    "CommunicationParameters=NoAddrCache",
    `SlurmctldParameters=${["power_save_interval=1", ...(options.slurmctldParameters ?? [])].join(",")}`,
    "SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=100000",
    "MailProg=/bin/true",
    "KillWait=5",
    "MessageTimeout=10",
  ];
  if (options.showPoweredDownNodes ?? true) lines.push("PrivateData=cloud");
  if (options.programs !== undefined) {
    const { resume, suspend, resumeFail } = options.programs;
    lines.push(
      `ResumeProgram=${resume}`,
      `SuspendProgram=${suspend}`,
      ...(resumeFail === undefined ? [] : [`ResumeFailProgram=${resumeFail}`]),
      "ResumeRate=0",
      "SuspendRate=0",
      `SuspendTime=${options.suspendTime ?? 3600}`,
      `SuspendTimeout=${options.suspendTimeout ?? 5}`,
      `ResumeTimeout=${options.resumeTimeout ?? 120}`,
    );
  }
  lines.push(...nodeLines(options, place));
  const partitions = Object.entries(options.partitions ?? { main: "ALL" });
  lines.push(
    ...partitions.map(
      ([name, nodes], index) =>
        `PartitionName=${name} Nodes=${nodes} Default=${index === 0 ? "YES" : "NO"} MaxTime=INFINITE State=UP`,
    ),
    ...(options.extraLines ?? []),
  );
  return `${lines.join("\n")}\n`;
}

/** One NodeName line a group and one for each other node, with consecutive ports in the order of {@link slurmNodeNames}. */
function nodeLines(options: SlurmOptions, { port, hostName }: SlurmPlace): string[] {
  let next = port + 1;
  const line = (names: string, count: number): string => {
    const first = next;
    next += count;
    const ports = count === 1 ? `${first}` : `[${first}-${next - 1}]`;
    return `NodeName=${names} NodeHostname=${hostName} NodeAddr=127.0.0.1 Port=${ports} CPUs=1 State=CLOUD Feature=cloud`;
  };
  return [
    ...Object.entries(options.groups).map(([group, count]) => {
      const stem = `${options.clusterName}-worker-${group}-`;
      return line(count === 1 ? `${stem}0` : `${stem}[0-${count - 1}]`, count);
    }),
    ...(options.otherNodes ?? []).map((name) => line(name, 1)),
  ];
}
