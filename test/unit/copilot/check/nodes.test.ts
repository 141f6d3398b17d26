import { describe, expect, test } from "vitest";
import { hardware } from "../../../../src/copilot/check/hardware.ts";
import { nodeNames } from "../../../../src/copilot/check/node-names.ts";
import { type GivenFacts, template, told } from "../../../support/check-facts.ts";

describe("names and kinds of nodes", () => {
  const long = `demo-worker-${"x".repeat(60)}`;
  test.each<[string, GivenFacts, string[]]>([
    ["all is well", {}, []],
    [
      "a group that the resource lacks, its nodes in one finding",
      { nodes: { "demo-worker-cpu-0": {}, "demo-worker-gpu-0": {}, "demo-worker-gpu-1": {} } },
      [
        "UnknownGroup NodeName=demo-worker-gpu-[0-1]: names worker group gpu, which SlurmCluster demo does not have (it has cpu)",
      ],
    ],
    [
      "a leading zero",
      { nodes: { "demo-worker-cpu-0": {}, "demo-worker-cpu-01": {} } },
      ["BadNodeName NodeName=demo-worker-cpu-01: has an index with a leading zero; Pods are numbered without"],
    ],
    [
      "a name that is too long",
      { groups: [{ groupName: "x".repeat(60) }], nodes: { [`${long}-0`]: {} } },
      [`NameTooLong NodeName=${long}-0: has more than 63 characters`],
    ],
    [
      "a group without nodes",
      { groups: [{ groupName: "cpu" }, { groupName: "spare" }] },
      ["GroupWithoutNodes worker group spare: has no node in slurm.conf"],
    ],
    [
      "not State=CLOUD",
      { nodes: { "demo-worker-cpu-0": { state: "UNKNOWN" } } },
      ["NotCloud NodeName=demo-worker-cpu-0: is not State=CLOUD"],
    ],
    ["FUTURE", { nodes: { "demo-worker-cpu-0": {}, "demo-worker-ghost-0": { state: "FUTURE" } } }, []],
    [
      "a node of another sort, which is parked",
      { nodes: { "demo-worker-cpu-0": {}, store: { state: "IDLE" } } },
      ["ForeignNode NodeName=store: is not a worker of cluster demo (those start with demo-worker-)"],
    ],
    [
      "of another cluster with a similar name",
      { nodes: { "demo-worker-cpu-0": {}, "demo2-worker-cpu-0": {} } },
      ["ForeignNode NodeName=demo2-worker-cpu-0: is not a worker of cluster demo (those start with demo-worker-)"],
    ],
  ])("%s", (_case, given, expected) => {
    expect(told(nodeNames, given)).toEqual(expected);
  });

  const store = { "demo-worker-cpu-0": {}, store: { state: "IDLE", partitions: ["main", "disks"] } };
  const never = Number.POSITIVE_INFINITY;
  test.each<[string, GivenFacts]>([
    ["SuspendExcNodes", { config: { suspendExcNodes: "head,store" } }],
    ["SuspendExcNodes with a count", { config: { suspendExcNodes: "store:1,x[1-2]:2" } }],
    ["SuspendExcNodes that cannot be read", { config: { suspendExcNodes: "store[" } }],
    ["SuspendExcParts", { config: { suspendExcParts: new Set(["disks"]) } }],
    [
      "SuspendTime=INFINITE of a partition",
      { facts: { partitions: { value: [{ name: "disks", nodes: "store", suspendTime: never }] } } },
    ],
    ["SuspendTime=INFINITE", { config: { suspendTime: never } }],
  ])("left on by %s", (_case, given) => {
    expect(told(nodeNames, { nodes: store, ...given })).toEqual([]);
  });

  test("SuspendExcNodes of others", () => {
    expect(told(nodeNames, { nodes: store, config: { suspendExcNodes: "stores" } })).toHaveLength(1);
  });
});

describe("what nodes have, against a Pod of 4 CPUs and 8192 MiB", () => {
  const gpu = (count: number) => ({ gres: new Map([["gpu", count]]) });
  const node = (size: object): GivenFacts => ({ nodes: { "demo-worker-cpu-0": size } });
  const has = (what: string, pod: string) =>
    `NodeName=demo-worker-cpu-0: has ${what} in slurm.conf; its Pod has ${pod}`;
  test.each<[string, GivenFacts, string[]]>([
    ["all is well", {}, []],
    ["more CPUs", node({ cpus: 5 }), [`CpusAbovePod ${has("CPUs=5", "cpu=4")}`]],
    ["half the CPUs", node({ cpus: 2 }), []],
    ["a CPU, as Slurm assumes", node({ cpus: 1 }), [`CpusBelowPod ${has("CPUs=1", "cpu=4")}`]],
    ["as much memory", node({ memory: 8192 }), []],
    ["a little more memory", node({ memory: 8200 }), [`MemoryNearPod ${has("RealMemory=8200", "memory=8192Mi")}`]],
    ["much more memory", node({ memory: 9200 }), [`MemoryAbovePod ${has("RealMemory=9200", "memory=8192Mi")}`]],
    [
      "a little more memory, where all must be there",
      { ...node({ memory: 8200 }), config: { slurmctldParameters: new Map([["node_reg_mem_percent", "100"]]) } },
      [`MemoryAbovePod ${has("RealMemory=8200", "memory=8192Mi")}`],
    ],
    ["memory that nobody has set", node({ memory: 1 }), [`MemoryBelowPod ${has("RealMemory=1", "memory=8192Mi")}`]],
    ["GPUs that the Pod lacks", node(gpu(2)), [`GpusAbovePod ${has("Gres=gpu:2", "0 GPUs")}`]],
    [
      "GPUs that Slurm does not know of",
      { groups: [{ groupName: "cpu", template: template({ cpu: "4", memory: "8Gi", "nvidia.com/gpu": 2 }) }] },
      [`GpusBelowPod ${has("Gres=gpu:0", "2 GPUs")}`],
    ],
    ["config_overrides", { ...node({ cpus: 5 }), config: { slurmdParameters: new Set(["config_overrides"]) } }, []],
    [
      "several nodes alike",
      {
        nodes: { "demo-worker-cpu-0": { cpus: 5 }, "demo-worker-cpu-1": { cpus: 5 }, "demo-worker-cpu-2": { cpus: 6 } },
      },
      [
        "CpusAbovePod NodeName=demo-worker-cpu-[0-1]: has CPUs=5 in slurm.conf; its Pod has cpu=4",
        "CpusAbovePod NodeName=demo-worker-cpu-2: has CPUs=6 in slurm.conf; its Pod has cpu=4",
      ],
    ],
    [
      "no limits",
      { groups: [{ groupName: "cpu", template: template({}) }] },
      ["NoPodLimits worker group cpu: has no limits for cpu and memory in its first container"],
    ],
    [
      "no template",
      { groups: [{ groupName: "cpu", template: undefined }] },
      ["NoPodLimits worker group cpu: has no Pod template"],
    ],
  ])("%s", (_case, given, expected) => {
    expect(told(hardware, given)).toEqual(expected);
  });
});
