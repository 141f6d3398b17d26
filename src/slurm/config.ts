/**
 * What slurmctld's configuration says about power saving, from `scontrol show config` and `scontrol -o show partition`.
 *
 * A value is absent where it is `(null)`, or where this release does not print it. Durations are in seconds; Infinity is Slurm's
 * INFINITE. Nothing is filled in from Slurm's defaults.
 */

/** The global settings. */
export interface SlurmConfig {
  /** Such as "22.05.8". */
  readonly slurmVersion?: string;
  readonly stateSaveLocation?: string;
  readonly programs: { readonly resume?: string; readonly suspend?: string; readonly resumeFail?: string };
  /** Idle time after which nodes are powered down; Infinity: never. */
  readonly suspendTime?: number;
  readonly suspendTimeout?: number;
  readonly resumeTimeout?: number;
  /** Nodes a minute; 0: no limit. */
  readonly resumeRate?: number;
  readonly suspendRate?: number;
  readonly messageTimeout?: number;
  readonly slurmdTimeout?: number;
  readonly returnToService?: number;
  /** Such as `cloud`; empty for "none". */
  readonly privateData: ReadonlySet<string>;
  /** By name in lower case, as slurmctld compares them; "" where there is no `=`. */
  readonly slurmctldParameters: ReadonlyMap<string, string>;
}

/** The settings of one partition; a limit is absent where the global one is used. */
export interface PartitionConfig {
  readonly name: string;
  /** Hostlist expression of all its nodes, hidden ones included; "" for none. */
  readonly nodes: string;
  readonly suspendTime?: number;
  readonly suspendTimeout?: number;
  readonly resumeTimeout?: number;
}

/** The global settings of `scontrol show config` as they are printed, by name. */
export function configValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^(\w+) *= ?(.*)$/.exec(line) ?? [];
    // The first one counts: further sections, of plugins, follow the global settings.
    if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value.trim());
  }
  return values;
}

/** Parses `scontrol show config`. */
export function parseConfig(text: string): SlurmConfig {
  const values = configValues(text);
  const string = (name: string) => {
    const value = values.get(name);
    return value === undefined || value === "" || value === "(null)" ? undefined : value;
  };
  const number = (name: string) => parseAmount(string(name));
  const parameters = (string("SlurmctldParameters") ?? "").split(",").filter(Boolean);
  return withoutAbsent({
    slurmVersion: string("SLURM_VERSION"),
    stateSaveLocation: string("StateSaveLocation"),
    programs: withoutAbsent({
      resume: string("ResumeProgram"),
      suspend: string("SuspendProgram"),
      resumeFail: string("ResumeFailProgram"),
    }),
    suspendTime: number("SuspendTime"),
    suspendTimeout: number("SuspendTimeout"),
    resumeTimeout: number("ResumeTimeout"),
    resumeRate: number("ResumeRate"),
    suspendRate: number("SuspendRate"),
    messageTimeout: number("MessageTimeout"),
    slurmdTimeout: number("SlurmdTimeout"),
    returnToService: number("ReturnToService"),
    privateData: new Set((string("PrivateData") ?? "").split(",").filter((word) => word !== "" && word !== "none")),
    slurmctldParameters: new Map(
      parameters.map((parameter) => {
        const [name = "", ...value] = parameter.split("=");
        return [name.toLowerCase(), value.join("=")];
      }),
    ),
  });
}

/** Parses `scontrol -o show partition`. A limit that is not set is GLOBAL, or left out (22.05). */
export function parsePartitions(text: string): PartitionConfig[] {
  const partitions: PartitionConfig[] = [];
  for (const line of text.split("\n")) {
    const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S+)`).exec(line)?.[1];
    const name = field("PartitionName");
    if (name === undefined || !line.startsWith("PartitionName=")) continue;
    const nodes = field("Nodes");
    partitions.push(
      withoutAbsent({
        name,
        nodes: nodes === undefined || nodes === "(null)" ? "" : nodes,
        suspendTime: parseAmount(field("SuspendTime")),
        suspendTimeout: parseAmount(field("SuspendTimeout")),
        resumeTimeout: parseAmount(field("ResumeTimeout")),
      }),
    );
  }
  return partitions;
}

/**
 * Whether slurmctld powers nodes down and up by itself.
 *
 * - `off`: a program is missing, or SuspendTime is INFINITE everywhere (22.05 src/slurmctld/power_save.c, 955-989).
 * - `configured`: neither of that. slurmctld may still have refused a program, for its mode say: it writes that to its log, and
 *   nothing that scontrol shows tells (seen with 22.05, 24.11 and 26.05).
 * - `unknown`: the settings are not there to be read; or programs are missing, but from 26.05 on nodes may have a PowerAction
 *   instead, which scontrol does not show either.
 */
export function powerSaving(
  config: SlurmConfig,
  partitions: readonly PartitionConfig[],
): "configured" | "off" | "unknown" {
  const { programs, suspendTime, slurmVersion } = config;
  if (suspendTime === undefined || slurmVersion === undefined) return "unknown";
  const times = [suspendTime, ...partitions.map((partition) => partition.suspendTime ?? suspendTime)];
  if (times.every((time) => time === Number.POSITIVE_INFINITY)) return "off";
  if (programs.resume !== undefined && programs.suspend !== undefined) return "configured";
  return isBefore(slurmVersion, 26, 5) ? "off" : "unknown";
}

/**
 * The limits that hold for every node in seconds, as a partition may have limits of its own: no node may take longer to come up than
 * `longestResumeTimeout`, and none is used again sooner than `shortestSuspendTimeout` after it was powered down. Absent where nothing
 * says.
 */
export function timeLimits(
  config: SlurmConfig,
  partitions: readonly PartitionConfig[],
): { readonly longestResumeTimeout?: number; readonly shortestSuspendTimeout?: number } {
  const all = [config, ...partitions];
  const resume = all.flatMap(({ resumeTimeout }) => resumeTimeout ?? []);
  const suspend = all.flatMap(({ suspendTimeout }) => suspendTimeout ?? []);
  return withoutAbsent({
    longestResumeTimeout: resume.length === 0 ? undefined : Math.max(...resume),
    shortestSuspendTimeout: suspend.length === 0 ? undefined : Math.min(...suspend),
  });
}

/**
 * A limit of one node in seconds: the highest of its partitions that set it, else the global one (slurm.conf(5), "ResumeTimeout" of a
 * partition). Absent where nothing says.
 */
export function limitOfNode(
  limit: "resumeTimeout" | "suspendTime" | "suspendTimeout",
  node: { readonly partitions: readonly string[] },
  config: SlurmConfig,
  partitions: readonly PartitionConfig[],
): number | undefined {
  const own = partitions.flatMap((partition) =>
    node.partitions.includes(partition.name) ? (partition[limit] ?? []) : [],
  );
  return own.length === 0 ? config[limit] : Math.max(...own);
}

/** Whether this release shows powered-down cloud nodes to nobody, which PrivateData=cloud changes; from 23.02 on everybody sees them. */
export function hidesNodes({ privateData, slurmVersion = "" }: SlurmConfig): boolean {
  return isBefore(slurmVersion, 23, 2) && !privateData.has("cloud");
}

/** Whether a version such as "22.05.8" is older than a release; `false` for what is no version. */
export function isBefore(version: string, year: number, month: number): boolean {
  const [, y, m] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return y !== undefined && (Number(y) < year || (Number(y) === year && Number(m) < month));
}

/** "600 sec", "0 nodes/min", "2", "INFINITE"; `undefined` for words such as GLOBAL. */
function parseAmount(text: string | undefined): number | undefined {
  if (text === "INFINITE") return Number.POSITIVE_INFINITY;
  const digits = /^(\d+)(?: (?:sec|nodes\/min))?$/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

type WithoutAbsent<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function withoutAbsent<T extends object>(object: T): WithoutAbsent<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as WithoutAbsent<T>;
}
