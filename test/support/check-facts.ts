/** Facts for tests of `slurmctld-copilot check`: a system in which all is well, and what a test changes about it. */
import type { Check, CheckOutcome } from "../../src/copilot/check/check.ts";
import type { Facts, FileStatus, PathFact, ProgramFact, ProgramSetting, User } from "../../src/copilot/check/facts.ts";
import { neededRights } from "../../src/copilot/check/rights.ts";
import { emptyMemory } from "../../src/copilot/decide.ts";
import { copilotSettings } from "../../src/copilot/settings.ts";
import type { CopilotView } from "../../src/copilot/view.ts";
import type { SlurmCluster, WorkerGroupSpec } from "../../src/kubernetes/slurm-cluster.ts";
import { defaultSettings, type Settings } from "../../src/settings/settings.ts";
import type { ConfigDetail } from "../../src/slurm/config-detail.ts";
import type { NodeHardware } from "../../src/slurm/node-hardware.ts";
import type { NodeRecord } from "../../src/slurm/node-record.ts";
import { makeSnapshot, NOW } from "./copilot.ts";

/** SlurmUser of these tests. */
export const SLURM: User = { name: "slurm", uid: 64030, gids: new Set([64030]) };

const ROOT_FOLDER = { path: "/", status: { kind: "folder", mode: 0o755, uid: 0, gid: 0 } } as const;

/** A file of root that everybody may read, unless `status` says otherwise; `null` for none. */
export function path(name: string, status: Partial<FileStatus> | null = {}): PathFact {
  const usual: FileStatus = { kind: "file", mode: 0o644, uid: 0, gid: 0 };
  return { path: name, ...(status !== null && { status: { ...usual, ...status } }), folders: [ROOT_FOLDER] };
}

/** One of our programs where it belongs, with what is different about it. */
export function program(setting: ProgramSetting, changes: Partial<ProgramFact> = {}): ProgramFact {
  const ours = (
    { ResumeProgram: "slurm-resume", SuspendProgram: "slurm-suspend", ResumeFailProgram: "slurm-resume-fail" } as const
  )[setting];
  return {
    setting,
    value: `/opt/${ours}`,
    file: path(`/opt/${ours}`, { mode: 0o755 }),
    interpreter: path("/opt/node", { mode: 0o755 }),
    ours,
    answer: { version: "1.0.0" },
    ...changes,
  };
}

/** What a test says about the system. */
export interface GivenFacts {
  readonly config?: Partial<ConfigDetail>;
  readonly settings?: Partial<Settings>;
  /** Worker groups with templates of 4 CPUs and 8192 MiB. @default one group `cpu` */
  readonly groups?: readonly WorkerGroupSpec[];
  readonly availableWorkers?: readonly string[];
  /** Node name → what is different from a parked node of `cpu` that fits its Pod. @default demo-worker-cpu-0 */
  readonly nodes?: Readonly<
    Record<string, { readonly state?: string; readonly partitions?: readonly string[] } & Partial<NodeHardware>>
  >;
  readonly facts?: Partial<Facts>;
}

/** A Pod template with these limits. */
export function template(limits: object = { cpu: "4", memory: "8Gi" }, more: object = {}): object {
  return { spec: { containers: [{ name: "slurmd", resources: { limits } }], ...more } };
}

const CONFIG: ConfigDetail = {
  slurmVersion: "22.05.8",
  programs: { resume: "/opt/slurm-resume", suspend: "/opt/slurm-suspend", resumeFail: "/opt/slurm-resume-fail" },
  suspendTime: 1200,
  suspendTimeout: 120,
  resumeTimeout: 600,
  resumeRate: 0,
  suspendRate: 0,
  returnToService: 2,
  jobRequeue: 1,
  treeWidth: 65_533,
  privateData: new Set(["cloud"]),
  slurmctldParameters: new Map(),
  suspendExcNodes: "",
  suspendExcParts: new Set(),
  communicationParameters: new Set(["noaddrcache"]),
  debugFlags: new Set(),
  reconfigFlags: new Set(),
  slurmdParameters: new Set(),
  authInfo: new Map([["cred_expire", "5"]]),
};

/** All facts. */
export function makeFacts(given: GivenFacts = {}): Facts {
  const settings: Settings = { ...defaultSettings, kubeconfig: "/etc/slurm/kubeconfig", ...given.settings };
  const here = {
    cluster: { value: { namespace: "default", name: "demo" } },
    api: { value: "https://api" },
    login: "the service account",
  };
  const nodes = given.nodes ?? { "demo-worker-cpu-0": {} };
  const rights = neededRights(here.cluster.value).map((right) => ({ ...right, allowed: true }));
  return {
    now: NOW,
    version: "1.0.0",
    installation: "/opt",
    settings: { file: "/etc/slurm/power-agent.yaml", settings, problems: [] },
    here,
    programsAre: here,
    slurmUser: { value: SLURM },
    paths: pathsOf(),
    resource: { value: resourceOf(given) },
    rights: { value: rights },
    pods: { value: [] },
    apiClockAhead: { value: 300 },
    slurmClockAhead: { value: -400 },
    controllers: [{ name: "head", role: "primary", up: true }],
    config: { value: { ...CONFIG, ...given.config } },
    partitions: { value: [{ name: "main", nodes: "ALL" }] },
    nodes: { value: new Map(Object.entries(nodes).map(([name, node]) => [name, recordOf(name, node)])) },
    hardware: {
      value: new Map(
        Object.entries(nodes).map(([name, node]) => [name, { cpus: 4, memory: 8000, gres: new Map(), ...node }]),
      ),
    },
    programs: { value: [program("ResumeProgram"), program("SuspendProgram"), program("ResumeFailProgram")] },
    copilots: [1234],
    copilot: { value: makeView() },
    ...given.facts,
  };
}

/** What a copilot says that has just ended a round. */
export function makeView(changes: Partial<CopilotView> = {}): CopilotView {
  return {
    version: "1.0.0",
    startedAt: NOW - 3_600_000,
    roundAt: NOW - 5000,
    settingsProblems: [],
    memory: emptyMemory,
    last: {
      snapshot: makeSnapshot(),
      at: NOW - 5000,
      settings: copilotSettings({}, 600),
      heldBack: 0,
      resumeTimeout: 600,
    },
    ...changes,
  };
}

/** The outcome of one check. */
export function outcomeOf(check: Check, given: GivenFacts = {}): CheckOutcome {
  return check.run(makeFacts(given));
}

/** What one check finds, as short text: `Code subject: cause`. */
export function told(check: Check, given: GivenFacts = {}): string[] {
  return outcomeOf(check, given).findings.map(({ cause, code, subject }) => `${code} ${subject}: ${cause}`);
}

function pathsOf(): ReadonlyMap<string, PathFact> {
  const own = { uid: SLURM.uid, gid: 64030 };
  const all = [
    path("/etc/slurm/power-agent.yaml"),
    path("/etc/slurm/kubeconfig", { ...own, mode: 0o600 }),
    path("/var/log/slurm-resume.log", { ...own, mode: 0o640 }),
    path("/var/log/slurm-suspend.log", { ...own, mode: 0o640 }),
    path("/run/slurm-power-agent", { ...own, mode: 0o750, kind: "folder" }),
  ];
  return new Map(all.map((fact) => [fact.path, fact]));
}

function resourceOf({ availableWorkers = [], groups = [{ groupName: "cpu" }] }: GivenFacts): SlurmCluster {
  return {
    metadata: { name: "demo", namespace: "default", uid: "uid-1", generation: 1 },
    spec: { workerGroupSpecs: groups.map((group) => ({ template: template(), replicas: 0, ...group })) },
    status: { availableWorkers },
  };
}

function recordOf(
  name: string,
  node: { readonly state?: string; readonly partitions?: readonly string[] },
): NodeRecord {
  const { state = "IDLE+CLOUD+POWERED_DOWN", partitions = ["main"] } = node;
  return { name, state: new Set(state.split("+")), partitions };
}
