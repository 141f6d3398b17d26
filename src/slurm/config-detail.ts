/** What `scontrol show config` says beside what the copilot goes by: settings that decide whether a site is set up well. */
import { configValues, parseConfig, type SlurmConfig } from "./config.ts";

/** {@link SlurmConfig} and more. A value is absent where this release does not print it; a list is empty for `(null)`. */
export interface ConfigDetail extends SlurmConfig {
  /** Whom slurmctld, and so its programs, run as. */
  readonly slurmUser?: { readonly name: string; readonly uid: number };
  /** Where slurmctld has its slurm.conf. */
  readonly confFile?: string;
  /** When slurmctld answered, by its own clock, in seconds since 1970. */
  readonly answeredAt?: number;
  /** 0: jobs are not requeued when their node fails. */
  readonly jobRequeue?: number;
  readonly treeWidth?: number;
  /** Hostlist, possibly with counts: `nid[10-20]:4`; "" for none. */
  readonly suspendExcNodes?: string;
  readonly suspendExcParts?: ReadonlySet<string>;
  /** These four in lower case, as Slurm compares them. */
  readonly communicationParameters?: ReadonlySet<string>;
  readonly debugFlags?: ReadonlySet<string>;
  readonly reconfigFlags?: ReadonlySet<string>;
  readonly slurmdParameters?: ReadonlySet<string>;
  /** Such as `cred_expire` → "5". */
  readonly authInfo?: ReadonlyMap<string, string>;
}

/** Parses `scontrol show config`. Times must be in UTC, as `createScontrol` makes scontrol print them. */
export function parseConfigDetail(text: string): ConfigDetail {
  const values = configValues(text);
  const string = (name: string): string | undefined => {
    const value = values.get(name);
    return value === "(null)" || value === "none" ? "" : value;
  };
  const words = (name: string): readonly string[] | undefined => string(name)?.split(",").filter(Boolean);
  const lowerCase = (name: string): ReadonlySet<string> | undefined => {
    const list = words(name);
    return list && new Set(list.map((word) => word.toLowerCase()));
  };
  const number = (name: string): number | undefined => {
    const value = string(name);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  };
  const [, user, uid] = /^(\S+)\((\d+)\)$/.exec(string("SlurmUser") ?? "") ?? [];
  const [, answered] = /^Configuration data as of (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)$/m.exec(text) ?? [];
  const partitions = words("SuspendExcParts");
  const detail: { [Key in keyof ConfigDetail]: ConfigDetail[Key] | undefined } = {
    ...parseConfig(text),
    slurmUser: user === undefined ? undefined : { name: user, uid: Number(uid) },
    confFile: string("SLURM_CONF"),
    answeredAt: answered === undefined ? undefined : Date.parse(`${answered}Z`) / 1000,
    jobRequeue: number("JobRequeue"),
    treeWidth: number("TreeWidth"),
    suspendExcNodes: string("SuspendExcNodes"),
    suspendExcParts: partitions && new Set(partitions),
    communicationParameters: lowerCase("CommunicationParameters"),
    debugFlags: lowerCase("DebugFlags"),
    reconfigFlags: lowerCase("ReconfigFlags"),
    slurmdParameters: lowerCase("SlurmdParameters"),
    authInfo: parametersOf(words("AuthInfo")),
  };
  return Object.fromEntries(
    Object.entries(detail).filter(([, value]) => value !== undefined),
  ) as unknown as ConfigDetail;
}

function parametersOf(words: readonly string[] | undefined): ReadonlyMap<string, string> | undefined {
  return (
    words &&
    new Map(
      words.map((word) => {
        const [name = "", ...value] = word.split("=");
        return [name.toLowerCase(), value.join("=")];
      }),
    )
  );
}
