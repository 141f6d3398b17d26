/** One call of slurm-resume, slurm-suspend or slurm-resume-fail, and what it needs from the world outside. */
import type { RecordRequest } from "../scaling/transaction.ts";
import type { Identity } from "../settings/identity.ts";
import type { Log } from "../settings/log.ts";
import type { Settings } from "../settings/settings.ts";
import type { ResumeFile } from "../slurm/resume-file.ts";
import type { Scontrol } from "../slurm/scontrol.ts";

/** Which program runs: the executable is `slurm-` and this word, which is also what the log calls a run. */
export type Verb = "resume" | "suspend" | "resume-fail";

/** One call of a program. */
export interface Invocation {
  /** Hostlist expression, as slurmctld passes it. */
  readonly hostlist: string;
  readonly flags: {
    readonly namespace?: string;
    readonly cluster?: string;
    readonly kubeconfig?: string;
    readonly dryRun?: boolean;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What SLURM_RESUME_FILE held; absent for programs that get none. */
  readonly resumeFile?: ResumeFile | undefined;
}

/** The world outside. */
export interface System {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Standard output, for --dry-run; the text ends its lines itself. */
  readonly print: (text: string) => void;
  /** Whether a person at a terminal runs the program. slurmctld has none. */
  readonly interactive: boolean;
  /** Registers what is done when the process is told to end; the process ends right after it. */
  readonly onTerminate: (handler: (signal: NodeJS.Signals) => void) => void;
  /** How requests are recorded; absent for a process of its own, which opens a connection of its own. */
  readonly record?: RecordRequest;
  /**
   * Whether whoever asked still waits. Who does not has run the program itself, at a time when that was right; to do it now may be wrong.
   * Absent for a process of its own.
   */
  readonly isAwaited?: () => boolean;
}

/** A run that is under way. */
export interface Run {
  readonly verb: Verb;
  readonly invocation: Invocation;
  readonly system: System;
  readonly settings: Settings;
  readonly settingsFile: string;
  readonly log: Log;
  /** When it began, on the clock of `system.now`. */
  readonly started: number;
  /** Makes a scontrol with a time budget of its own; loaded when first needed, as few runs need it. */
  readonly scontrol: () => Promise<Scontrol>;
}

/** A run that knows its cluster and its nodes. */
export interface Request extends Run {
  readonly identity: Identity;
  /** Without repeats, in the order of the hostlist. */
  readonly names: readonly string[];
}
