/** What the checks look at: everything gathered beforehand, each fact either known or with the reason why not. Plain data. */
import type { Right } from "../../kubernetes/access-review.ts";
import type { KubernetesErrorKind } from "../../kubernetes/errors.ts";
import type { SlurmCluster, SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import type { LoadedSettings } from "../../settings/settings.ts";
import type { PartitionConfig } from "../../slurm/config.ts";
import type { ConfigDetail } from "../../slurm/config-detail.ts";
import type { Controller } from "../../slurm/controllers.ts";
import type { NodeHardware } from "../../slurm/node-hardware.ts";
import type { NodeRecord } from "../../slurm/node-record.ts";
import type { SlurmReadErrorCode } from "../../slurm/reading.ts";
import type { CopilotView } from "../view.ts";

/** A fact, or why it is not known, in words that go on from "not checked: ". */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

/** Mode bits and owner of a file or folder. */
export interface FileStatus {
  readonly kind: "file" | "folder" | "other";
  /** Permission bits only: 0o644. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A path and the folders that lead to it, those of symbolic links included. */
export interface PathFact {
  readonly path: string;
  /** Absent when there is nothing. */
  readonly status?: FileStatus;
  /** From the root down; `status` is absent for one that is missing. */
  readonly folders: readonly { readonly path: string; readonly status?: FileStatus }[];
}

/** A user as the kernel sees it. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** With supplementary groups. */
  readonly gids: ReadonlySet<number>;
}

/** How a program of slurm.conf is called there. */
export type ProgramSetting = "ResumeFailProgram" | "ResumeProgram" | "SuspendProgram";

/** A program that slurm.conf names. */
export interface ProgramFact {
  readonly setting: ProgramSetting;
  /** The value as it stands in slurm.conf. */
  readonly value: string;
  /** What slurmctld takes for the path: all of it before 26.05, the first word from then on. */
  readonly file: PathFact;
  /** The interpreter in its first line. */
  readonly interpreter?: PathFact;
  /** Which of our executables it is, or leads to; absent for any other program. */
  readonly ours?: "slurm-resume" | "slurm-resume-fail" | "slurm-suspend";
  /** What one of ours said to `--version`, run as slurmctld would; absent when it was not run. */
  readonly answer?: { readonly version: string } | { readonly failure: string };
}

/** A right and whether we have it. */
export interface RightFact extends Right {
  readonly allowed: boolean;
}

/** A worker Pod that exists. */
export interface PodFact {
  readonly name: string;
  /** Seconds from its creation until its containers ran; absent while they do not, or when they were started again. */
  readonly startSeconds?: number;
}

/** What an environment leads to. */
export interface Whereabouts {
  readonly cluster: Known<SlurmClusterRef>;
  /** The API's address. */
  readonly api: Known<string>;
  /** By what we log in there: "kubeconfig /x", or "the service account". */
  readonly login: string;
}

/** Everything. Times are epoch milliseconds. */
export interface Facts {
  readonly now: number;
  /** The release of this program, and the folder where it lies with the others. */
  readonly version: string;
  readonly installation: string;
  readonly settings: LoadedSettings;
  /** Where we are, and where a program would be that slurmctld starts: without flags and environment. */
  readonly here: Whereabouts;
  readonly programsAre: Whereabouts;
  readonly slurmUser: Known<User>;
  /** The settings file, kubeconfig, service account's token, logs, and the socket's folder, by path. */
  readonly paths: ReadonlyMap<string, PathFact>;
  /** The token file of the Pod's service account; absent where a kubeconfig is used. */
  readonly tokenFile?: string;
  /** The answer to GET of the SlurmCluster, whole. */
  readonly resource: Known<SlurmCluster>;
  /** Why that failed. */
  readonly apiProblem?: { readonly kind: KubernetesErrorKind; readonly message: string };
  readonly rights: Known<readonly RightFact[]>;
  readonly pods: Known<readonly PodFact[]>;
  /** How far other clocks are ahead of ours, in milliseconds. */
  readonly apiClockAhead: Known<number>;
  readonly slurmClockAhead: Known<number>;
  /** Why Slurm cannot be read as the copilot needs it. */
  readonly slurmProblem?: { readonly code: SlurmReadErrorCode; readonly message: string };
  readonly controllers: readonly Controller[];
  readonly config: Known<ConfigDetail>;
  readonly partitions: Known<readonly PartitionConfig[]>;
  readonly nodes: Known<ReadonlyMap<string, NodeRecord>>;
  readonly hardware: Known<ReadonlyMap<string, NodeHardware>>;
  readonly programs: Known<readonly ProgramFact[]>;
  /** Process ids of the copilots of this host that have the same slurm.conf, as far as this user may look. */
  readonly copilots: readonly number[];
  /** What the copilot of this host says; undefined when none runs. */
  readonly copilot: Known<CopilotView | undefined>;
}

/** Several facts as one, which is known when all of them are; else it has the first reason. */
export function together<T extends object>(facts: { readonly [Name in keyof T]: Known<T[Name]> }): Known<T> {
  const values: Partial<Record<string, unknown>> = {};
  for (const [name, fact] of Object.entries<Known<unknown>>(facts)) {
    if ("unknown" in fact) return fact;
    values[name] = fact.value;
  }
  return { value: values as T };
}
