/**
 * The mapping between Slurm's node names and the worker groups of a SlurmCluster.
 *
 * A worker Pod, its Slurm node and its DNS name are the same word: `<cluster>-worker-<group>-<index>`. The index is what
 * follows the last hyphen, so groups may contain hyphens and digits (`cpu-1`) without ambiguity.
 */

import { foldHostlist } from "hostlist-parse";

/** The largest index a worker may have: `podsToBeCreated` holds int32 values. */
export const MAX_WORKER_INDEX = 2_147_483_647;

/** Why a node is not requested, in the words that go to the log and to Slurm's Reason. */
type NodeNameRefusal =
  | "IndexTooLarge"
  | "JobIncomplete"
  | "LeadingZero"
  | "NotAWorkerName"
  | "NotOfThisCluster"
  | "UnknownGroup";

/** A node name taken apart, or why it was refused; `message` goes on from the name, such as "has an index above 2147483647". */
export type ParsedNodeName =
  | { readonly name: string; readonly group: string; readonly index: number; readonly refusal?: never }
  | { readonly name: string; readonly refusal: NodeNameRefusal; readonly message: string };

/**
 * The name of one worker: Pod, Slurm node and host name alike.
 *
 * @example workerName("slurm-demo", "cpu", 0) // "slurm-demo-worker-cpu-0"
 */
export function workerName(cluster: string, group: string, index: number): string {
  return `${workerStem(cluster, group)}${index}`;
}

/** What the names of a group's workers begin with; the index follows. */
export function workerStem(cluster: string, group: string): string {
  return `${cluster}-worker-${group}-`;
}

/**
 * Takes a node name apart against the groups that the resource really has.
 *
 * Refused, never guessed at: a name of another cluster (`demo2-worker-cpu-0` for cluster `demo`), an index with a leading
 * zero (`-007` and `-7` would be one worker under two names), an index beyond int32, and a group the resource lacks.
 */
export function parseNodeName(name: string, cluster: string, groups: ReadonlySet<string>): ParsedNodeName {
  const prefix = `${cluster}-worker-`;
  if (!name.startsWith(prefix)) {
    return refuse(name, "NotOfThisCluster", `is not a worker of cluster ${cluster} (those start with ${prefix})`);
  }
  const hyphen = name.lastIndexOf("-");
  const digits = name.slice(hyphen + 1);
  if (hyphen < prefix.length || !/^[0-9]+$/.test(digits)) {
    return refuse(name, "NotAWorkerName", `does not have the form ${prefix}<group>-<index>`);
  }
  if (digits.length > 1 && digits.startsWith("0")) {
    return refuse(name, "LeadingZero", `has an index with a leading zero; Pods are numbered without`);
  }
  const index = Number(digits);
  if (index > MAX_WORKER_INDEX) {
    return refuse(name, "IndexTooLarge", `has an index above ${MAX_WORKER_INDEX}`);
  }
  const group = name.slice(prefix.length, hyphen);
  if (!groups.has(group)) {
    const known = groups.size === 0 ? "it has none" : `it has ${[...groups].join(", ")}`;
    return refuse(
      name,
      "UnknownGroup",
      `names worker group ${group}, which SlurmCluster ${cluster} does not have (${known})`,
    );
  }
  return { name, group, index };
}

function refuse(name: string, refusal: NodeNameRefusal, message: string): ParsedNodeName {
  return { name, refusal, message };
}

/** Whether a name may be put on a command line: what slurm.conf allows in NodeName, without hostlist brackets. */
export function isPlainNodeName(name: string): boolean {
  return name.length <= 253 && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name);
}

/**
 * Names as one hostlist, for the log. Names that a hostlist cannot hold, which slurmctld would not pass but a shell may, stand behind
 * the others as they are.
 */
export function foldNames(names: readonly string[]): string {
  const plain = names.filter(isPlainNodeName);
  const others = names.filter((name) => !isPlainNodeName(name));
  return [...(plain.length > 0 ? [foldHostlist(plain, { sort: true })] : []), ...others].join(",");
}

/**
 * What `foldNames` makes of workers that differ in their index alone: with the stem `demo-worker-cpu-` it is `demo-worker-cpu-[0-3,7]`, or
 * `demo-worker-cpu-7` for one. Of ten thousand it takes no time, where their names take some milliseconds.
 */
export function foldIndexes(stem: string, indexes: Iterable<number>): string {
  const sorted = new Int32Array([...indexes]).sort();
  const items: string[] = [];
  for (let from = 0, to = 0; from < sorted.length; from = to + 1) {
    const first = sorted[from] ?? 0;
    to = from;
    while (sorted[to + 1] === first + to + 1 - from) to += 1;
    items.push(from === to ? `${first}` : `${first}-${sorted[to]}`);
  }
  return items.length === 1 && !items[0]?.includes("-") ? `${stem}${items[0]}` : `${stem}[${items.join()}]`;
}

/** A node name that was refused. */
export type RefusedNodeName = Extract<ParsedNodeName, { refusal: NodeNameRefusal }>;

/** Names sorted by what they are: indexes by group, and the refused. Repeated names count once. */
export interface ResolvedNames {
  readonly byGroup: ReadonlyMap<string, ReadonlySet<number>>;
  readonly refused: readonly RefusedNodeName[];
}

/** {@link parseNodeName} for many names; a bad one never costs the good ones. */
export function resolveNames(names: Iterable<string>, cluster: string, groups: ReadonlySet<string>): ResolvedNames {
  const byGroup = new Map<string, Set<number>>();
  const refused = new Map<string, RefusedNodeName>();
  let previous: { readonly stem: string; readonly indexes: Set<number> } | undefined;
  for (const name of names) {
    // Most names differ from the one before in their index alone; of ten thousand it would take long to take each apart.
    if (previous !== undefined && name.startsWith(previous.stem)) {
      const digits = name.slice(previous.stem.length);
      if (/^(?:0|[1-9][0-9]{0,8})$/.test(digits)) {
        previous.indexes.add(Number(digits));
        continue;
      }
    }
    const parsed = parseNodeName(name, cluster, groups);
    if (parsed.refusal !== undefined) {
      refused.set(name, parsed);
      continue;
    }
    const indexes = byGroup.get(parsed.group) ?? new Set();
    byGroup.set(parsed.group, indexes.add(parsed.index));
    previous = { stem: workerStem(cluster, parsed.group), indexes };
  }
  return { byGroup, refused: [...refused.values()] };
}
