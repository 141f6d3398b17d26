/**
 * The settings file, `power-agent.yaml` beside slurm.conf. slurmctld gives its programs an empty environment, so this file is where
 * a site says what differs from the defaults. It may be absent. A mistake in it is reported and the default used: scaling goes on.
 */
import { dirname, isAbsolute, join } from "node:path";
import { readTextIfPresent } from "./files.ts";

/**
 * Limits of the copilot that a site may set; what is absent has a default of its own, some of them by slurm.conf's timeouts (see
 * docs/settings.md).
 */
export interface CopilotLimits {
  /** Seconds for which a Pod that fails may go on while its node powers up. */
  readonly failingPodSeconds?: number;
  /** Seconds for which a Pod may find no room while its node powers up: longer than it takes to add a machine. */
  readonly unschedulableSeconds?: number;
  /** Seconds for which a node that powers up may have no Pod while nothing tells why. */
  readonly missingPodSeconds?: number;
  /** Seconds that a ready Pod's slurmd may take to register. */
  readonly registrationSeconds?: number;
  /** Seconds for which a Pod may live that no Slurm node belongs to. */
  readonly unknownPodSeconds?: number;
  /** Seconds for which a node that failed stays DOWN before it returns; doubles with each strike. */
  readonly backOffSeconds?: number;
  /** From how many strikes on a node stays DOWN until an admin returns it. */
  readonly strikeLimit?: number;
  /** Most Pods that may be ended in a round, unless `blastRadiusShare` allows more. */
  readonly blastRadius?: number;
  /** Share of all worker Pods that may be ended in a round, 0 to 1. */
  readonly blastRadiusShare?: number;
}

/** Every key of the settings file. */
export interface Settings extends CopilotLimits {
  /** Namespace of the SlurmCluster. @default the Pod's own */
  readonly namespace: string | undefined;
  /** Name of the SlurmCluster. @default the label `kai.alibabacloud.com/slurm-cluster` of the Pod */
  readonly cluster: string | undefined;
  /** Absolute path of a kubeconfig. @default none: the Pod's service account is used */
  readonly kubeconfig: string | undefined;
  /** Absolute path of scontrol. @default looked for in the usual places */
  readonly scontrol: string | undefined;
  /** Log of slurm-resume and slurm-resume-fail. @default "/var/log/slurm-resume.log" */
  readonly resumeLog: string;
  /** Log of slurm-suspend. @default "/var/log/slurm-suspend.log" */
  readonly suspendLog: string;
  /** `text` for people, `json` for collectors. @default "text" */
  readonly logFormat: "text" | "json";
  /** Seconds until a program gives up on the Kubernetes API, 1 to 300. @default 20 */
  readonly deadlineSeconds: number;
  /** Wake either all nodes that a job waits for in a call or none of them. @default false */
  readonly allOrNothing: boolean;
  /** Unix socket of the copilot. @default "/run/slurm-power-agent/copilot.sock" */
  readonly copilotSocket: string;
  /** TCP port of the copilot for metrics and health; 0 for none. @default 9810 */
  readonly metricsPort: number;
}

/** What a site gets that writes no file. */
export const defaultSettings: Settings = {
  namespace: undefined,
  cluster: undefined,
  kubeconfig: undefined,
  scontrol: undefined,
  resumeLog: "/var/log/slurm-resume.log",
  suspendLog: "/var/log/slurm-suspend.log",
  logFormat: "text",
  deadlineSeconds: 20,
  allOrNothing: false,
  copilotSocket: "/run/slurm-power-agent/copilot.sock",
  metricsPort: 9810,
};

/** One mistake in the settings file. `line` counts from 1; `message` says what is wrong and what is allowed. */
export interface SettingsProblem {
  readonly file: string;
  readonly line: number;
  readonly key: string;
  readonly message: string;
}

/** Settings with defaults filled in, and the mistakes that were replaced by defaults. */
export interface LoadedSettings {
  readonly file: string;
  readonly settings: Settings;
  readonly problems: readonly SettingsProblem[];
}

/** Where the settings file is: beside the slurm.conf that `SLURM_CONF` names, else /etc/slurm. */
export function settingsFilePath(env: Readonly<Record<string, string | undefined>>): string {
  return join(env.SLURM_CONF ? dirname(env.SLURM_CONF) : "/etc/slurm", "power-agent.yaml");
}

/** Reads the settings file. Never throws: a file that cannot be read or parsed is one more problem. */
export async function loadSettings(file: string): Promise<LoadedSettings> {
  let text: string | undefined;
  try {
    text = readTextIfPresent(file);
  } catch (error) {
    return {
      file,
      settings: defaultSettings,
      problems: [{ file, line: 1, key: "", message: (error as Error).message }],
    };
  }
  if (text === undefined) return { file, settings: defaultSettings, problems: [] };
  // Without a settings file, the ordinary case in a Pod, the YAML parser is never evaluated.
  const { readSettingsEntries } = await import("./settings-yaml.ts");
  const { entries, problems } = readSettingsEntries(text);
  return checkSettings(file, entries, problems);
}

/** A key with its value as YAML gave it and the line it stands on. */
export interface SettingsEntry {
  readonly key: string;
  readonly value: unknown;
  readonly line: number;
}

interface Rule {
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
}

const dnsName: Rule = {
  allowed: "a DNS name: lower-case letters, digits and hyphens",
  accepts: (value) => typeof value === "string" && isDnsName(value),
};
const absolutePath: Rule = {
  allowed: "an absolute path",
  accepts: (value) => typeof value === "string" && isAbsolute(value),
};

/** A number between two bounds, in `unit`. */
function numberFrom(from: number, to: number, unit: string): Rule {
  return {
    allowed: `${unit} from ${from} to ${to}`,
    accepts: (value) => typeof value === "number" && value >= from && value <= to,
  };
}
function wholeFrom(from: number, to: number, unit: string): Rule {
  const { accepts, allowed } = numberFrom(from, to, unit);
  return { allowed, accepts: (value) => Number.isInteger(value) && accepts(value) };
}
const seconds = (from: number, to: number): Rule => numberFrom(from, to, "a number of seconds");

const rules: { readonly [Key in keyof Required<Settings>]: Rule } = {
  namespace: dnsName,
  cluster: dnsName,
  kubeconfig: absolutePath,
  scontrol: absolutePath,
  resumeLog: absolutePath,
  suspendLog: absolutePath,
  logFormat: { allowed: "text or json", accepts: (value) => value === "text" || value === "json" },
  deadlineSeconds: seconds(1, 300),
  allOrNothing: { allowed: "true or false", accepts: (value) => typeof value === "boolean" },
  copilotSocket: absolutePath,
  metricsPort: wholeFrom(0, 65_535, "a port number"),
  failingPodSeconds: seconds(5, 86_400),
  unschedulableSeconds: seconds(5, 86_400),
  missingPodSeconds: seconds(5, 86_400),
  registrationSeconds: seconds(5, 86_400),
  unknownPodSeconds: seconds(30, 86_400),
  backOffSeconds: seconds(5, 86_400),
  strikeLimit: wholeFrom(1, 20, "a whole number"),
  blastRadius: wholeFrom(1, 100_000, "a whole number"),
  blastRadiusShare: numberFrom(0, 1, "a number"),
};

/** Whether a name can stand in an API path and in the name of a Pod (Kubernetes "RFC 1123 subdomain"). */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);
}

function checkSettings(
  file: string,
  entries: readonly SettingsEntry[],
  syntax: readonly Omit<SettingsProblem, "file">[],
): LoadedSettings {
  const problems: SettingsProblem[] = syntax.map((problem) => ({ file, ...problem }));
  const accepted: Record<string, unknown> = {};
  for (const { key, value, line } of entries) {
    if (!Object.hasOwn(rules, key)) {
      problems.push({ file, line, key, message: `unknown key; known are ${Object.keys(rules).join(", ")}` });
    } else if (!rules[key as keyof Settings].accepts(value)) {
      problems.push({
        file,
        line,
        key,
        message: `must be ${rules[key as keyof Settings].allowed}, not ${JSON.stringify(value)}`,
      });
    } else {
      accepted[key] = value;
    }
  }
  return { file, settings: { ...defaultSettings, ...accepted }, problems };
}
