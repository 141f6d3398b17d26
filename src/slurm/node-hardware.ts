/** What slurm.conf says that a node has, from `scontrol -o show node`. */
import { readField, splitFreeText } from "./node-record.ts";

/** The resources of one node; what cannot be read is absent. */
export interface NodeHardware {
  /** CPUs: 1 where slurm.conf says nothing. */
  readonly cpus?: number;
  /** RealMemory in MiB: 1 where slurm.conf says nothing. */
  readonly memory?: number;
  /** Generic resources: name → count, types added up, such as `gpu` → 4. */
  readonly gres: ReadonlyMap<string, number>;
}

/** The resources of all nodes by name. */
export function parseNodeHardware(text: string): ReadonlyMap<string, NodeHardware> {
  const nodes = new Map<string, NodeHardware>();
  for (const line of text.split("\n")) {
    const name = /^NodeName=(\S+)/.exec(line)?.[1];
    if (name === undefined) continue;
    const [head] = splitFreeText(line);
    const number = (field: string): number | undefined => {
      const value = readField(head, field);
      return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
    };
    const [cpus, memory] = [number("CPUTot"), number("RealMemory")];
    nodes.set(name, {
      ...(cpus !== undefined && { cpus }),
      ...(memory !== undefined && { memory }),
      gres: parseGres(readField(head, "Gres") ?? ""),
    });
  }
  return nodes;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** "gpu:a100:2(S:0-1),gpu:2,shard:16K": name[:type][:no_consume]:count(sockets) (slurm.conf(5), "Gres"); a count that is missing is 1. */
function parseGres(text: string): ReadonlyMap<string, number> {
  const gres = new Map<string, number>();
  for (const word of text
    .replaceAll(/\([^)]*\)/g, "")
    .split(",")
    .filter(Boolean)) {
    const [name = "", ...rest] = word.split(":");
    const [, digits, unit = ""] = /^(\d+)([KMG]?)$/i.exec(rest.at(-1) ?? "") ?? [];
    const count = digits === undefined ? 1 : Number(digits) * (UNITS[unit.toUpperCase()] ?? 1);
    gres.set(name, (gres.get(name) ?? 0) + count);
  }
  return gres;
}
