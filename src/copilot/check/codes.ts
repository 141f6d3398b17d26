/**
 * Every word for what `slurmctld-copilot check` may find: how serious it is, and why it matters. docs/check.md lists them for people, with
 * what to do.
 *
 * - `error`: something does not work, or will not when it is needed.
 * - `warning`: it works, and worse than it could; or a failure is near.
 * - `note`: worth knowing; may be meant so.
 */

/** How serious a finding is. */
export type Severity = "error" | "note" | "warning";

/** Seen with 22.05: a ResumeFailProgram that is refused is left out, the two others switch power saving off. */
const REFUSED =
  "slurmctld refuses it, which it says only in its log; without ResumeProgram or SuspendProgram it wakes and parks no node";

const table = {
  // Settings and files
  SettingsMistake: ["error", "the setting is not in force; its default is used instead"],
  SettingsUnreadable: ["error", "the programs that slurmctld runs use defaults for everything"],
  SettingsOpen: [
    "error",
    "whoever may write it decides which API gets the token, and which program logs in to it as SlurmUser",
  ],
  KubeconfigMissing: ["error", "the programs that slurmctld runs have no way to the Kubernetes API"],
  KubeconfigUnreadable: ["error", "the programs that slurmctld runs have no way to the Kubernetes API"],
  KubeconfigOpen: ["warning", "it holds credentials, and other users can use them"],
  TokenUnreadable: ["error", "the programs that slurmctld runs have no way to the Kubernetes API"],
  LogNotWritable: ["warning", "scaling goes on, but nobody can tell what the programs did"],
  SocketFolderUnusable: [
    "warning",
    "the copilot cannot be asked, and two of them on this host would not notice each other",
  ],
  // Which cluster, which API
  NoCluster: ["error", "nothing can be done without knowing which SlurmCluster this is"],
  NoConnection: ["error", "nothing can be done without the Kubernetes API"],
  ProgramsLost: [
    "error",
    "slurmctld runs its programs with an empty environment: they see less than you do, and every resume fails",
  ],
  ProgramsElsewhere: [
    "warning",
    "slurmctld runs its programs with an empty environment: they work on something else than this check",
  ],
  ApiUnreachable: ["error", "no node can be woken or parked until it answers"],
  ApiUntrusted: ["error", "the programs refuse to talk to it, and nodes that are woken go DOWN"],
  ApiLogin: ["error", "no node can be woken or parked until the login works"],
  NoSlurmCluster: ["error", "nodes that are woken go DOWN"],
  RightMissing: ["error", "slurm-resume, slurm-suspend and the copilot cannot do their work"],
  CopilotRightMissing: [
    "warning",
    "slurm-resume and slurm-suspend do not need it; the copilot can do less, or nothing",
  ],
  ClockSkew: [
    "warning",
    "times in logs, tokens and Slurm's credentials do not fit together; beyond 5 minutes munge refuses",
  ],
  // Slurm
  SlurmctldDown: ["error", "no job starts, and nothing about Slurm can be checked"],
  ControllerDown: ["warning", "when the other one fails too, Slurm stands still"],
  SlurmUnreadable: ["error", "the copilot does nothing at all while it cannot read Slurm completely"],
  PowerSavingOff: ["error", "slurmctld wakes and parks no node"],
  HiddenNodes: ["error", "this release shows powered-down nodes to nobody else, and the copilot does nothing at all"],
  UnknownStateWord: [
    "warning",
    "this release of Slurm has states that this release of the copilot does not know; it ignores them",
  ],
  // The programs
  ProgramMissing: ["error", REFUSED],
  ProgramNotAbsolute: ["error", REFUSED],
  ProgramArguments: ["error", `before 26.05 the whole value is one path: ${REFUSED}`],
  ProgramNotExecutable: ["error", REFUSED],
  ProgramOpen: ["error", `its group or everybody may write it: ${REFUSED}`],
  ProgramOwner: ["warning", "whoever owns it decides what SlurmUser runs"],
  ProgramInterpreter: [
    "error",
    "the program cannot start: every node that is woken waits for ResumeTimeout and goes DOWN",
  ],
  ProgramFails: ["error", "the program cannot start: every node that is woken waits for ResumeTimeout and goes DOWN"],
  ProgramForeign: ["warning", "what it does to the SlurmCluster is unknown here"],
  ProgramSwapped: ["error", "it does the opposite, or the wrong thing, to the nodes that it is called for"],
  ProgramVersion: ["warning", "programs and copilot are of different releases, and may not mean the same"],
  NoResumeFailProgram: [
    "warning",
    "the Pod of a node that did not come in time keeps starting, while Slurm has given it up",
  ],
  // Nodes and worker groups
  UnknownGroup: ["error", "slurm-resume sets these nodes DOWN when a job wants them"],
  BadNodeName: ["error", "slurm-resume sets these nodes DOWN when a job wants them"],
  NameTooLong: [
    "error",
    "a host name has 63 characters at most: the Pod's would be cut, and its slurmd would not know who it is",
  ],
  NotCloud: ["error", "slurmctld waits for them from its start on, and the copilot leaves them alone"],
  ForeignNode: ["error", "slurmctld powers it down after SuspendTime, and slurm-resume cannot wake it"],
  GroupWithoutNodes: ["warning", "no job can use the group"],
  CpusAbovePod: ["error", "slurmd registers with fewer, and Slurm drains the node as INVALID_REG"],
  MemoryAbovePod: ["error", "slurmd registers with less, and Slurm drains the node as INVALID_REG"],
  MemoryNearPod: ["warning", "Slurm accepts it, and jobs that use what they were given are killed for want of memory"],
  GpusAbovePod: ["error", "slurmd finds fewer, and Slurm drains the node"],
  CpusBelowPod: ["note", "the rest of what the Pod takes is never used"],
  MemoryBelowPod: ["note", "the rest of what the Pod takes is never given to a job"],
  GpusBelowPod: ["note", "the Pod keeps GPUs that no job can ask for"],
  NoPodLimits: [
    "note",
    "slurmd is told the size of the whole Kubernetes node, and the Pod takes as much as it can get",
  ],
  // Times and rates
  ResumeTimeoutExceeded: ["error", "slurmctld gives up on nodes that are about to come, and requeues their jobs"],
  ResumeTimeoutTight: [
    "warning",
    "a slower image pull or a Kubernetes node that must be added first makes healthy nodes fail",
  ],
  ResumeTimeoutShort: ["warning", "pulling an image and adding a Kubernetes node take minutes; healthy nodes fail"],
  LimitAboveResumeTimeout: ["warning", "slurmctld gives up first, and the reason is lost"],
  SuspendTimeoutShort: [
    "warning",
    "Slurm uses the node again while its old Pod still ends, and the new one has to wait for that",
  ],
  SuspendTimeShort: [
    "note",
    "a node is parked sooner than it pays: parking and waking it again takes longer than it was kept",
  ],
  DeadlineAboveSuspendTimeout: [
    "warning",
    "a suspend that is late could meet a node that is in use again; it then does nothing",
  ],
  RateLow: ["warning", "big jobs wait for their nodes, and idle Pods stay on"],
  SaveIntervalTooLong: [
    "error",
    "with a rate limit slurmctld switches power saving off, which it says only in its log",
  ],
  // slurm.conf
  NodeAddressesStale: ["warning", "slurmctld keeps the address that a node had, and a new Pod has another one"],
  ReturnToServiceLow: ["warning", "a node that Slurm set DOWN stays so, even when it answers again"],
  JobsNotRequeued: ["warning", "a job whose node fails is lost, unless it was submitted with --requeue"],
  MessagesForwarded: [
    "note",
    "slurmds pass messages on to each other, for which each Pod must find all others by name",
  ],
  DrainForgotten: ["note", "a node that an admin drained comes back without its DRAIN after it was parked"],
  ReconfigureForgets: ["note", "scontrol reconfigure undoes what scontrol update did to SuspendExcNodes and the like"],
  RequeueDelay: ["note", "a batch job that is requeued waits two minutes before it may start again"],
  ConfigHashIgnored: ["note", "nodes with another slurm.conf than slurmctld's are not noticed"],
  DefunctParameter: ["note", "this release of Slurm does so always; the word does nothing"],
  // The copilot
  CopilotNotRunning: [
    "warning",
    "what the programs lose stays lost, and Pods that fail are noticed only after ResumeTimeout",
  ],
  CopilotStuck: ["error", "what the programs lose stays lost, and Pods that fail are noticed only after ResumeTimeout"],
  CopilotIdle: ["warning", "it does nothing while it cannot see everything"],
  CopilotStandsBy: ["note", "it leaves everything to the other one"],
  CopilotOfAnotherCluster: ["error", "nobody looks after this cluster"],
  CopilotVersion: ["warning", "the executable was replaced, and the copilot that runs is still the old one"],
  CopilotTwice: ["warning", "one stands by for no reason; with sockets of their own both act"],
  CopilotSettings: ["warning", "the copilot still goes by the old ones"],
  // The resource
  DuplicateEntry: ["warning", "harmless, but nothing of ours writes it: somebody else writes these lists"],
  InBothLists: [
    "warning",
    "the worker is neither made nor ended until the copilot, or the next request, decides by Slurm's state",
  ],
  IndexWithoutNode: ["warning", "a Pod runs, or will, that no job can use"],
  ForeignName: ["warning", "the operator ends no Pod of this name in this group"],
  ReplicasAboveList: ["warning", "the operator starts workers up to that number that nobody asked for"],
  OldSpelling: ["note", "works; newer operators read only `replicas`"],
  StaleName: ["note", "harmless; the copilot removes them as it runs"],
} as const satisfies Record<string, readonly [Severity, string]>;

/** What may be found, in one word. */
export type CheckCode = keyof typeof table;

/** All of them, in the order of docs/check.md. */
export const checkCodes: readonly { readonly code: CheckCode; readonly severity: Severity }[] = Object.entries(
  table,
).map(([code, [severity]]) => ({ code: code as CheckCode, severity }));

/** One thing that was found. */
export interface Finding {
  readonly severity: Severity;
  readonly code: CheckCode;
  /** What it is about: a file, a line of slurm.conf, nodes, a worker group. */
  readonly subject: string;
  /** What is wrong, with the values seen. */
  readonly cause: string;
  /** Why it matters; the same for all findings of a code. */
  readonly effect: string;
  /** What to do: the line to write or the command to run. */
  readonly fix: string;
}

/** Makes a finding; severity and effect go with the code. */
export function finding(code: CheckCode, subject: string, cause: string, fix: string): Finding {
  const [severity, effect] = table[code];
  return { severity, code, subject, cause, effect, fix };
}
