/** CPUs, RealMemory and Gres of slurm.conf against what the group's Pod template gives. */
import { type WorkerTemplate, workerTemplate } from "../../kubernetes/pod-template.ts";
import type { WorkerGroupSpec } from "../../kubernetes/slurm-cluster.ts";
import type { NodeHardware } from "../../slurm/node-hardware.ts";
import { foldNames } from "../../slurm/node-name.ts";
import { type Check, given } from "./check.ts";
import { type CheckCode, type Finding, finding } from "./codes.ts";
import { together } from "./facts.ts";
import { workersByGroup } from "./workers.ts";

/** Below this share of the Pod a value is worth a note: it is rather forgotten than rounded. */
const MUCH_LESS = 0.5;

/** Share of RealMemory that a cloud node must have (slurm.conf(5), node_reg_mem_percent). */
const DEFAULT_MEMORY_PERCENT = "90";

export const hardware: Check = {
  name: "CPUs, RealMemory and Gres against the Pods",
  run: (facts) =>
    given(
      together({
        config: facts.config,
        hardware: facts.hardware,
        resource: facts.resource,
        workers: workersByGroup(facts),
      }),
      ({ config, hardware: sizes, resource, workers }) => {
        // With config_overrides Slurm believes slurm.conf, whatever slurmd finds.
        if (config.slurmdParameters?.has("config_overrides")) return [];
        const percent = Number(config.slurmctldParameters.get("node_reg_mem_percent") ?? DEFAULT_MEMORY_PERCENT);
        return (resource.spec.workerGroupSpecs ?? []).flatMap((spec) => {
          const nodes = workers.get(spec.groupName ?? "") ?? [];
          const known = nodes.flatMap(({ name }) => {
            const size = sizes.get(name);
            return size === undefined ? [] : [{ name, ...size }];
          });
          return findInGroup(spec, known, percent / 100);
        });
      },
    ),
};

type SizedNode = NodeHardware & { readonly name: string };

function findInGroup(spec: WorkerGroupSpec, nodes: readonly SizedNode[], memoryShare: number): Finding[] {
  const template = workerTemplate(spec);
  if (nodes.length === 0) return [];
  const group = `worker group ${spec.groupName}`;
  const unlimited = template === undefined || template.cpus === undefined || template.memory === undefined;
  const compared = template === undefined ? [] : nodes.flatMap((node) => compare(node, template, memoryShare));
  const byCause = Object.groupBy(compared, ({ code, cause }) => `${code} ${cause}`);
  return [
    ...Object.values(byCause).flatMap((same = []) => {
      const [first] = same;
      if (first === undefined) return [];
      return [finding(first.code, `NodeName=${foldNames(same.map(({ name }) => name))}`, first.cause, first.fix)];
    }),
    ...(unlimited
      ? [
          finding(
            "NoPodLimits",
            group,
            template === undefined ? "has no Pod template" : "has no limits for cpu and memory in its first container",
            `set resources.limits.cpu and .memory in the template of ${group}, and CPUs= and RealMemory= to match`,
          ),
        ]
      : []),
  ];
}

interface Compared {
  readonly name: string;
  readonly code: CheckCode;
  readonly cause: string;
  readonly fix: string;
}

function compare(node: SizedNode, template: WorkerTemplate, memoryShare: number): readonly Compared[] {
  const { cpus = 0, gres, memory = 0, name } = node;
  const gpus = gres.get("gpu") ?? 0;
  const of = (code: CheckCode, value: string, pod: string, fix: string): Compared => ({
    name,
    code,
    cause: `has ${value} in slurm.conf; its Pod has ${pod}`,
    fix: `${fix} in its NodeName line, or change the Pod template; then restart slurmctld`,
  });
  const cpuCode = kindOf(cpus, template.cpus, "CpusAbovePod", "CpusBelowPod");
  const memoryCode = memoryKind(memory, template.memory, memoryShare);
  const gpuCode = kindOf(gpus, template.gpus, "GpusAbovePod", "GpusBelowPod");
  const mebibytes = `memory=${template.memory}Mi`;
  return [
    ...(cpuCode ? [of(cpuCode, `CPUs=${cpus}`, `cpu=${template.cpus}`, `CPUs=${template.cpus}`)] : []),
    ...(memoryCode ? [of(memoryCode, `RealMemory=${memory}`, mebibytes, `RealMemory=${template.memory}`)] : []),
    ...(gpuCode ? [of(gpuCode, `Gres=gpu:${gpus}`, `${template.gpus} GPUs`, `Gres=gpu:${template.gpus}`)] : []),
  ];
}

function kindOf(slurm: number, pod: number | undefined, above: CheckCode, below: CheckCode): CheckCode | undefined {
  if (pod === undefined || slurm === pod) return undefined;
  if (slurm > pod) return above;
  return slurm < pod * MUCH_LESS ? below : undefined;
}

function memoryKind(slurm: number, pod: number | undefined, share: number): CheckCode | undefined {
  if (pod === undefined || slurm <= pod) return kindOf(slurm, pod, "MemoryAbovePod", "MemoryBelowPod");
  return slurm * share > pod ? "MemoryAbovePod" : "MemoryNearPod";
}
