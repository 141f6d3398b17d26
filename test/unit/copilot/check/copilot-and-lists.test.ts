import { describe, expect, test } from "vitest";
import { copilotAlive } from "../../../../src/copilot/check/copilot-alive.ts";
import { lists } from "../../../../src/copilot/check/lists.ts";
import type { CopilotView } from "../../../../src/copilot/view.ts";
import { type GivenFacts, makeView, outcomeOf, told } from "../../../support/check-facts.ts";
import { NOW } from "../../../support/copilot.ts";

describe("copilot", () => {
  const view = (changes: Partial<CopilotView>): GivenFacts => ({ facts: { copilot: { value: makeView(changes) } } });
  const { last } = makeView();
  test.each<[string, GivenFacts, string[]]>([
    ["all is well", {}, []],
    [
      "none runs",
      { facts: { copilot: { value: undefined } } },
      ["CopilotNotRunning slurmctld-copilot: none listens on /run/slurm-power-agent/copilot.sock"],
    ],
    ["stuck", view({ roundAt: NOW - 600_000 }), ["CopilotStuck slurmctld-copilot: no round has ended for 600 s"]],
    [
      "sees nothing",
      view({ problem: "Slurm is unknown: no answer from head" }),
      ["CopilotIdle slurmctld-copilot: its last round did nothing: Slurm is unknown: no answer from head"],
    ],
    ["stands by", view({ standby: "another acts" }), ["CopilotStandsBy slurmctld-copilot: another acts"]],
    ["an old one", view({ version: "0.9.0" }), ["CopilotVersion slurmctld-copilot: is 0.9.0; this program is 1.0.0"]],
    [
      "of another cluster",
      view(last === undefined ? {} : { last: { ...last, snapshot: { ...last.snapshot, cluster: "other" } } }),
      ["CopilotOfAnotherCluster slurmctld-copilot: works for other, not for demo"],
    ],
    [
      "two of them",
      { facts: { copilots: [7, 8] } },
      ["CopilotTwice slurmctld-copilot: 2 run on this host with the same slurm.conf: pids 7, 8"],
    ],
    [
      "settings were changed since",
      { settings: { strikeLimit: 3 } },
      ["CopilotSettings /etc/slurm/power-agent.yaml: strikeLimit is 5 there, and 3 by the file"],
    ],
  ])("%s", (_case, given, expected) => {
    expect(told(copilotAlive, given)).toEqual(expected);
  });
});

describe("lists", () => {
  const group = (spec: object): GivenFacts => ({ groups: [{ groupName: "cpu", ...spec }] });
  const cpu = (index: number) => `demo-worker-cpu-${index}`;
  const there = (...names: string[]) => ({ facts: { pods: { value: names.map((name) => ({ name })) } } });
  test.each<[string, GivenFacts, string[]]>([
    ["all is well", { ...group({ podsToBeCreated: [0], replicas: 1 }) }, []],
    [
      "an index twice",
      group({ podsToBeCreated: [0, 0], replicas: 1 }),
      ["DuplicateEntry worker group cpu: demo-worker-cpu-0 is more than once in a list"],
    ],
    [
      "a worker in both",
      { ...group({ podsToBeCreated: [0], podsToBeDeleted: [cpu(0)] }), ...there(cpu(0)) },
      ["InBothLists worker group cpu: demo-worker-cpu-0 is in podsToBeCreated and podsToBeDeleted"],
    ],
    [
      "an index that Slurm does not have",
      group({ podsToBeCreated: [0, 5, 6] }),
      ["IndexWithoutNode worker group cpu: demo-worker-cpu-[5-6] are in podsToBeCreated: Slurm has no such node"],
    ],
    [
      "a name of something else",
      { ...group({ podsToBeDeleted: ["etcd-0"] }), ...there("etcd-0") },
      ["ForeignName worker group cpu: etcd-0 is in podsToBeDeleted: no worker of this group"],
    ],
    [
      "names whose Pods are gone",
      group({ podsToBeDeleted: [cpu(0)] }),
      ["StaleName worker group cpu: demo-worker-cpu-0 is in podsToBeDeleted, and no such Pod is there"],
    ],
    [
      "more replicas than anybody asked for",
      group({ podsToBeCreated: [0], replicas: 3 }),
      ["ReplicasAboveList worker group cpu: has replicas 3; only 1 asked for or running"],
    ],
    [
      "replicas that count what runs",
      { ...group({ podsToBeCreated: [0], replicas: 2 }), availableWorkers: [cpu(0), cpu(1)] },
      [],
    ],
    ["fewer replicas: a floor", group({ podsToBeCreated: [0], replicas: 0 }), []],
    [
      "the old spelling",
      group({ workerCount: 1, podsToBeCreated: [0] }),
      ["OldSpelling worker group cpu: is written with workerCount"],
    ],
  ])("%s", (_case, given, expected) => {
    expect(told(lists, given)).toEqual(expected);
  });

  test("who writes replicas is told to remove workerCount: it would count again as soon as replicas is 0", () => {
    const fixes = (spec: object) => outcomeOf(lists, group(spec)).findings.map(({ code, fix }) => `${code}: ${fix}`);
    expect(fixes({ replicas: 2, workerCount: 5, podsToBeCreated: [0] })).toEqual([
      "ReplicasAboveList: set replicas of worker group cpu to 1 and remove its workerCount (kubectl edit slurmcluster demo)",
      "OldSpelling: write replicas instead, and remove workerCount: it counts again whenever replicas is 0",
    ]);
    expect(fixes({ replicas: 2, podsToBeCreated: [0] })).toEqual([
      "ReplicasAboveList: set replicas of worker group cpu to 1 (kubectl edit slurmcluster demo)",
    ]);
  });

  test("without Slurm the rest is checked all the same", () => {
    const { findings, unchecked } = outcomeOf(lists, {
      ...group({ podsToBeCreated: [0, 0, 9] }),
      facts: { nodes: { unknown: "down" } },
    });
    expect([findings.map(({ code }) => code), unchecked]).toEqual([["DuplicateEntry"], "down"]);
  });
});
