/**
 * A SlurmCluster as the operator reads it. Whatever is wrong with it becomes a sentence in `problems`, and then nothing is touched: a
 * missing field must never mean "delete".
 */
import { type SlurmCluster, type SlurmClusterRef, slurmClusterCollection } from "../kubernetes/slurm-cluster.ts";
import type { PodTemplate } from "./build/manifest.ts";
import { initProblem } from "./init/substitute.ts";
import { isServiceName, LONGEST_CLUSTER_NAME } from "./names.ts";

/** A worker group. */
export interface OperatedGroup {
  readonly name: string;
  /** R: a floor for the number of workers. */
  readonly replicas: number;
  /** C: indexes of workers that must exist. */
  readonly created: ReadonlySet<number>;
  /** X, as written: names of Pods that must not exist. */
  readonly deleted: readonly string[];
  readonly template: PodTemplate;
  readonly initBash?: string;
}

/** A Service for ssh into the head. */
export interface SshService {
  readonly type: "ClusterIP" | "LoadBalancer" | "NodePort";
  readonly port: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One of the daemons beside the workers. */
export interface OperatedDaemon {
  readonly template: PodTemplate;
  readonly replicas: number;
  readonly initBash?: string;
}

/** A SlurmCluster. */
export interface OperatedCluster extends SlurmClusterRef {
  readonly uid: string;
  readonly generation: number;
  /** Its deletion was asked for. */
  readonly deleting: boolean;
  readonly mungeConfPath: string;
  readonly slurmConfPath: string;
  readonly head?: OperatedDaemon & { readonly sshService?: SshService };
  readonly slurmdbd?: OperatedDaemon;
  readonly slurmrestd?: OperatedDaemon;
  readonly groups: readonly OperatedGroup[];
  readonly status: Readonly<Record<string, unknown>>;
  /** Why nothing is done for it; empty when all is well. */
  readonly problems: readonly string[];
}

/** Most workers that a group may have at the least: a slip of the finger must not make a million Pods. */
const LARGEST_FLOOR = 65_536;

type Fields = Readonly<Record<string, unknown>>;

/** The API path of all SlurmClusters, or of those of one namespace. */
export function slurmClustersPath(namespace: string | undefined): string {
  return namespace === undefined
    ? "/apis/kai.alibabacloud.com/v1/slurmclusters"
    : slurmClusterCollection({ namespace, name: "" }).path;
}

/** Reads a SlurmCluster as the API returns it; undefined for what is none. */
export function toOperatedCluster(object: unknown): OperatedCluster | undefined {
  const { metadata, spec, status } = fieldsOf(object) as Partial<SlurmCluster> & { spec?: Fields };
  if (typeof metadata?.name !== "string" || typeof metadata.uid !== "string" || metadata.namespace === undefined) {
    return undefined;
  }
  const problems: string[] = [];
  const fields = fieldsOf(spec);
  const mungeConfPath = folder(fields.mungeConfPath, "mungeConfPath", "/var/munge", problems);
  const slurmConfPath = folder(fields.slurmConfPath, "slurmConfPath", "/var/slurm", problems);
  // Older clusters write headGroupSpec.
  const headSpec = fields.slurmctld ?? fields.headGroupSpec;
  const head = daemon(headSpec, fields.slurmctld === undefined ? "headGroupSpec" : "slurmctld", problems);
  if (head !== undefined && head.replicas > 1) {
    problems.push(`slurmctld.replicas is ${head.replicas}; more than one slurmctld is not supported, write 1`);
  }
  const slurmdbd = daemon(fields.slurmdbd, "slurmdbd", problems);
  const slurmrestd = daemon(fields.slurmrestd, "slurmrestd", problems);
  const sshService = sshServiceOf(fieldsOf(headSpec).sshService, problems);
  if (!isServiceName(metadata.name) || metadata.name.length > LONGEST_CLUSTER_NAME) {
    problems.push(
      `the name ${metadata.name} cannot be that of a Service and of Pods: lower-case letters, digits and hyphens, a letter first, ` +
        `at most ${LONGEST_CLUSTER_NAME}`,
    );
  }
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation ?? 0,
    deleting: "deletionTimestamp" in metadata && Boolean(metadata.deletionTimestamp),
    mungeConfPath,
    slurmConfPath,
    ...(head !== undefined && { head: { ...head, ...(sshService !== undefined && { sshService }) } }),
    ...(slurmdbd !== undefined && { slurmdbd }),
    ...(slurmrestd !== undefined && { slurmrestd }),
    groups: groupsOf(fields.workerGroupSpecs, problems),
    status: fieldsOf(status),
    problems,
  };
}

function groupsOf(specs: unknown, problems: string[]): OperatedGroup[] {
  if (!Array.isArray(specs)) {
    problems.push("workerGroupSpecs is missing; to have no workers, write an empty list");
    return [];
  }
  const seen = new Set<string>();
  return specs.flatMap((spec: unknown, position) => {
    const { groupName, initBash, podsToBeCreated, podsToBeDeleted, replicas, template, workerCount } = fieldsOf(spec);
    const where = `workerGroupSpecs[${position}]`;
    if (typeof groupName !== "string" || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(groupName)) {
      problems.push(
        `${where}.groupName is ${JSON.stringify(groupName)}; lower-case letters, digits and hyphens are allowed`,
      );
      return [];
    }
    if (seen.has(groupName)) {
      problems.push(`${where}.groupName ${groupName} is there twice`);
      return [];
    }
    seen.add(groupName);
    // Older clusters spell it workerCount; a `replicas` of 0 beside it is the CRD's default and says nothing.
    const floor = count(replicas) || count(workerCount);
    if (floor > LARGEST_FLOOR) problems.push(`${where}.replicas is ${floor}; at most ${LARGEST_FLOOR} are allowed`);
    const pod = templateOf(template, `the template of group ${groupName}`, problems);
    const bash = bashOf(initBash, `the initBash of group ${groupName}`, problems);
    return [
      {
        name: groupName,
        replicas: floor,
        created: new Set(
          listOf(podsToBeCreated).filter((index) => Number.isInteger(index) && Number(index) >= 0) as number[],
        ),
        deleted: listOf(podsToBeDeleted).filter((name) => typeof name === "string"),
        template: pod,
        ...(bash !== undefined && { initBash: bash }),
      },
    ];
  });
}

function daemon(value: unknown, where: string, problems: string[]): OperatedDaemon | undefined {
  if (value === undefined || value === null) return undefined;
  const { initBash, replicas, template } = fieldsOf(value);
  const bash = bashOf(initBash, `${where}.initBash`, problems);
  return {
    template: templateOf(template, `${where}.template`, problems),
    replicas: replicas === undefined || replicas === null ? 1 : count(replicas),
    ...(bash !== undefined && { initBash: bash }),
  };
}

function templateOf(template: unknown, where: string, problems: string[]): PodTemplate {
  const { containers } = fieldsOf(fieldsOf(template).spec);
  if (Array.isArray(containers) && containers.length > 0) return template as PodTemplate;
  problems.push(`${where} has no container`);
  return { spec: { containers: [] } };
}

function bashOf(initBash: unknown, where: string, problems: string[]): string | undefined {
  if (typeof initBash !== "string" || initBash.trim() === "") return undefined;
  const problem = initProblem(initBash);
  if (problem !== undefined) problems.push(`${where} ${problem}`);
  return initBash;
}

function sshServiceOf(value: unknown, problems: string[]): SshService | undefined {
  if (value === undefined || value === null) return undefined;
  const { annotations, port = 22, type = "ClusterIP" } = fieldsOf(value);
  if (type !== "ClusterIP" && type !== "LoadBalancer" && type !== "NodePort") {
    problems.push(`slurmctld.sshService.type is ${JSON.stringify(type)}, not ClusterIP, NodePort or LoadBalancer`);
    return undefined;
  }
  return { type, port: Number(port), annotations: fieldsOf(annotations) as Record<string, string> };
}

/** The folder goes into shell scripts. */
function folder(value: unknown, where: string, standard: string, problems: string[]): string {
  if (value === undefined || value === null || value === "") return standard;
  if (typeof value === "string" && /^\/[A-Za-z0-9._/-]*$/.test(value)) return value.replace(/(?<=.)\/+$/, "");
  problems.push(
    `${where} is ${JSON.stringify(value)}, not an absolute path of letters, digits and the characters . _ - /`,
  );
  return standard;
}

function count(value: unknown): number {
  return typeof value === "number" && value > 0 ? value : 0;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
