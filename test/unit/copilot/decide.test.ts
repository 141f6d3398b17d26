import { describe, expect, test } from "vitest";
import { decide, emptyMemory, type Memory, settled } from "../../../src/copilot/decide.ts";
import type { Rule } from "../../../src/copilot/rule.ts";
import { rules } from "../../../src/copilot/rules.ts";
import type { Snapshot } from "../../../src/copilot/snapshot.ts";
import type { PodFailure } from "../../../src/kubernetes/pod-failure.ts";
import { formatReason } from "../../../src/slurm/own-reason.ts";
import { actionText, type GivenWorker, makeSnapshot, NOW, SETTINGS } from "../../support/copilot.ts";

/** A rule that finds workers that have a Pod, by its UID, and acts when it has seen it for this many seconds. */
function ruleNamed(name: string, seconds: number): Rule {
  return {
    name,
    find: ({ workers }) =>
      [...workers.values()].flatMap((worker) => (worker.pod ? [{ worker, key: worker.pod.uid }] : [])),
    decide: ({ worker }, { since }, { now }) =>
      now - since >= seconds * 1000
        ? [{ kind: "resume", node: worker.name, rule: name, code: "LostResume", message: name }]
        : [],
  };
}

function story(rules: readonly Rule[], ...steps: readonly [seconds: number, GivenWorker][]): string[][] {
  let memory: Memory = emptyMemory;
  return steps.map(([seconds, given]) => {
    const decision = decide(makeSnapshot(given), memory, SETTINGS, NOW + seconds * 1000, rules);
    memory = decision.memory;
    return decision.actions.map((action) =>
      action.message === "fast" || action.message === "slow" ? action.message : actionText(action),
    );
  });
}

describe("what is remembered", () => {
  test("a finding is as old as the first round that saw it", () => {
    expect(story([ruleNamed("slow", 20)], [0, { pod: {} }], [10, { pod: {} }], [20, { pod: {} }])).toEqual([
      [],
      [],
      ["slow"],
    ]);
  });

  test("a finding that was gone in between begins anew", () => {
    const steps = story([ruleNamed("slow", 20)], [0, { pod: {} }], [10, { wanted: true }], [20, { pod: {} }]);
    expect(steps.at(-1)).toEqual([]);
  });

  test("another key begins anew", () => {
    const steps = story([ruleNamed("slow", 20)], [0, { pod: { uid: "a" } }], [20, { pod: { uid: "b" } }]);
    expect(steps.at(-1)).toEqual([]);
  });

  test("the first rule of the list that acts is the only one, and the others remember all the same", () => {
    const rules = [ruleNamed("slow", 20), ruleNamed("fast", 10)];
    expect(story(rules, [0, { pod: {} }], [10, { pod: {} }], [20, { pod: {} }])).toEqual([[], ["fast"], ["slow"]]);
  });

  test("strikes grow with each failure in a row, and end when the node is up", () => {
    const down = (reason: string, reasonTime: number): GivenWorker => ({
      state: "DOWN+CLOUD+POWERED_DOWN",
      node: { reason, reasonTime },
    });
    const steps: GivenWorker[] = [
      down("power-agent: Deadline: late", 1),
      down("power-agent: Deadline: late", 1),
      { state: "IDLE+CLOUD+POWERED_DOWN" },
      { state: "IDLE+CLOUD+POWERING_UP" },
      down("ResumeTimeout reached", 2),
      down(formatReason({ code: "Evicted", message: "memory", strike: 4, until: NOW }), 3),
      { state: "IDLE+CLOUD+POWERED_DOWN" },
      { state: "IDLE+CLOUD", pod: {}, wanted: true },
      { state: "IDLE+CLOUD+POWERED_DOWN" },
      down(formatReason({ code: "Evicted", message: "memory", strike: 5, until: NOW }), 4),
      // An admin has returned it.
      { state: "IDLE+CLOUD+POWERED_DOWN" },
    ];
    let memory: Memory = emptyMemory;
    const counts = steps.map((given) => {
      memory = decide(makeSnapshot(given), memory, SETTINGS, NOW, []).memory;
      return memory.strikes.get("demo-worker-cpu-0")?.count;
    });
    expect(counts).toEqual([1, 1, 1, 1, 2, 4, 4, undefined, undefined, 5, undefined]);
  });
});

describe("since when a Pod fails", () => {
  const earliest = { code: "ImagePullBackOff", message: "m", since: NOW - 600_000, isEarliest: true } as const;
  const pod = (failure: PodFailure) =>
    makeSnapshot({ state: "IDLE+CLOUD+POWERED_DOWN", pod: { ready: false, failure } });
  const since = ({ workers }: Snapshot) => workers.get("demo-worker-cpu-0")?.pod?.failure;

  test.each<[string, PodFailure, number]>([
    ["as Kubernetes says", { code: "Unschedulable", message: "m", since: NOW - 600_000 }, -600],
    ["since its container last ended", { ...earliest, lastEnd: NOW - 30_000 }, -30],
    ["or else since the first round that saw it", earliest, 0],
  ])("is told to people too: %s", (_title, failure, seconds) => {
    const seen = pod(failure);
    const first = decide(seen, emptyMemory, SETTINGS, NOW);
    const second = decide(seen, first.memory, SETTINGS, NOW + 10_000);
    const dated = { code: failure.code, message: "m", since: NOW + seconds * 1000 };
    expect([since(first.snapshot), since(second.snapshot)]).toEqual([dated, dated]);
    // As status does it, with what it was told.
    expect(since(decide(second.snapshot, second.memory, SETTINGS, NOW + 20_000).snapshot)).toEqual(dated);
  });

  test("is forgotten with the failure, and with the copilot's memory", () => {
    const { memory } = decide(pod(earliest), emptyMemory, SETTINGS, NOW);
    const well = decide(makeSnapshot({ pod: {} }), memory, SETTINGS, NOW + 10_000);
    expect([memory.failing.size, well.memory.failing.size]).toEqual([1, 0]);
    expect(since(decide(pod(earliest), emptyMemory, SETTINGS, NOW + 20_000).snapshot)?.since).toBe(NOW + 20_000);
  });
});

describe("whole stories", () => {
  test("a Pod without room: DOWN, withdrawn, group closed, powered down, returned", () => {
    const failure = { code: "Unschedulable", message: "no room", since: NOW } as const;
    const settings = { ...SETTINGS, unschedulableSeconds: 60 };
    const until = NOW + 180_000;
    const down = { reason: formatReason({ code: "Unschedulable", message: "no room", strike: 1, until }) };
    const other: GivenWorker = { name: "demo-worker-cpu-1", state: "IDLE+CLOUD+POWERED_DOWN" };
    const steps: [number, GivenWorker][] = [
      [0, { state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true, pod: { ready: false, failure } }],
      [60, { state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true, pod: { ready: false, failure } }],
      [61, { state: "DOWN+CLOUD+POWERING_UP", node: down, unwanted: true, pod: { ready: false, deleted: NOW } }],
      [70, { state: "DOWN+CLOUD+POWERING_UP", node: down, unwanted: true }],
      [80, { state: "DOWN+CLOUD+POWERING_DOWN", node: down, unwanted: true }],
      [120, { state: "DOWN+CLOUD+POWERED_DOWN", node: down, unwanted: true }],
      [130, { state: "DOWN+CLOUD+POWERED_DOWN", node: down, unwanted: true }],
      [180, { state: "DOWN+CLOUD+POWERED_DOWN", node: down }],
      [190, { state: "IDLE+CLOUD+POWERED_DOWN" }],
    ];
    let memory: Memory = emptyMemory;
    const decided = steps.map(([seconds, given]) => {
      const decision = decide(makeSnapshot(given, other), memory, settings, NOW + seconds * 1000);
      memory = decision.memory;
      return decision.actions.map((action) => `${action.node.slice(-1)} ${actionText(action)}`);
    });
    const closed = "1 set-down CapacityBackOff strike 0 180 s";
    expect(decided).toEqual([
      [],
      ["0 set-down Unschedulable strike 1 180 s", "0 suspend Unschedulable"],
      [closed],
      ["0 power-down Withdrawn", closed],
      [closed],
      [closed],
      [closed, "0 forget PodEnded"],
      ["0 return BackOffOver"],
      [],
    ]);
  });
});

describe("a Pod that is replaced under its node's jobs", () => {
  const up = (uid: string, created: number, state = "ALLOCATED+CLOUD"): GivenWorker => ({
    wanted: true,
    state,
    pod: { uid, created: NOW + created * 1000 },
  });
  const replaced = ["set-down PodReplaced strike 1 125 s", "suspend PodReplaced"];

  test.each<[string, readonly [number, GivenWorker][], string[]]>([
    [
      "is noticed in the next round",
      [
        [0, up("a", -600)],
        [5, up("b", 4)],
      ],
      replaced,
    ],
    [
      "is noticed though a round came when there was none",
      [
        [0, up("a", -600)],
        [4, { wanted: true, available: true, state: "ALLOCATED+CLOUD" }],
        [5, up("b", 4)],
      ],
      replaced,
    ],
    [
      "is right when the node had no jobs left while there was none",
      [
        [0, up("a", -600)],
        [4, { wanted: true, available: true, state: "IDLE+CLOUD" }],
        [5, up("b", 4)],
      ],
      [],
    ],
    [
      "is noticed again while it is new and nothing came of it",
      [
        [0, up("a", -600)],
        [5, up("b", 4)],
        [6, up("b", 4)],
      ],
      ["set-down PodReplaced strike 1 126 s", "suspend PodReplaced"],
    ],
    [
      "is noticed no more when it is no longer new",
      [
        [0, up("a", -600)],
        [5, up("b", 4)],
        [25, up("b", 4)],
      ],
      [],
    ],
    [
      "is no matter on a node without jobs",
      [
        [0, up("a", -600)],
        [5, up("b", 4, "IDLE+CLOUD")],
      ],
      [],
    ],
    [
      "is right when the node had no jobs before",
      [
        [0, up("a", -600, "IDLE+CLOUD")],
        [5, up("b", 4)],
      ],
      [],
    ],
    [
      "may be right after a gap longer than SuspendTimeout",
      [
        [0, up("a", -600)],
        [31, up("b", 30)],
      ],
      [],
    ],
    [
      "may be Slurm's to know when it was some time ago",
      [
        [0, up("a", -600)],
        [25, up("b", 4)],
      ],
      [],
    ],
    ["is nothing that a first round can know", [[5, up("b", 4)]], []],
  ])("%s", (_title, steps, actions) => {
    expect(story(rules, ...steps).at(-1)).toEqual(actions);
  });
});

describe("a container that ends under its node's jobs", () => {
  const up = (count: number, state = "MIXED+CLOUD", more: object = {}): GivenWorker => ({
    wanted: true,
    state,
    node: { slurmdStartTime: NOW / 1000 - 600 },
    pod: { created: NOW - 600_000 },
    ...(count > 0 && {
      slurmdEnds: {
        ...{ container: "slurmd", count, at: NOW + 4000, outOfMemory: false, message: "Error: exit code 137" },
        ...more,
      },
    }),
  });
  const ended = ["set-down ContainerEnded strike 1 125 s"];

  test.each<[string, readonly [number, GivenWorker][], string[]]>([
    [
      "is noticed in the next round",
      [
        [0, up(0)],
        [5, up(1)],
      ],
      ended,
    ],
    [
      "is noticed when it is not the first time",
      [
        [0, up(2)],
        [5, up(3)],
      ],
      ended,
    ],
    [
      "tells of memory where that was why",
      [
        [0, up(0)],
        [5, up(1, "MIXED+CLOUD", { outOfMemory: true })],
      ],
      ["set-down OOMKilled strike 1 125 s"],
    ],
    [
      "is noticed again as long as nothing came of it",
      [
        [0, up(0)],
        [5, up(1)],
        [25, up(1)],
      ],
      ["set-down ContainerEnded strike 1 145 s"],
    ],
    [
      "is no matter on a node without jobs",
      [
        [0, up(0)],
        [5, up(1, "IDLE+CLOUD")],
      ],
      [],
    ],
    [
      "is noticed when the jobs have begun since the last round, as it may be their start that ended it",
      [
        [0, up(0, "IDLE+CLOUD")],
        [5, up(1)],
      ],
      ended,
    ],
    [
      "is no matter to jobs that come a round later",
      [
        [0, up(0, "IDLE+CLOUD")],
        [5, up(1, "IDLE+CLOUD")],
        [15, up(1)],
      ],
      [],
    ],
    [
      "is noticed late while no slurmd has registered since",
      [
        [0, up(0)],
        [25, up(1)],
      ],
      ["set-down ContainerEnded strike 1 145 s"],
    ],
    [
      "may be Slurm's to know when a slurmd has registered since and it was some time ago",
      [
        [0, up(0)],
        [25, { ...up(1), node: { slurmdStartTime: NOW / 1000 + 6 } }],
      ],
      [],
    ],
    ["is nothing that a first round can know", [[5, up(1)]], []],
  ])("%s", (_title, steps, actions) => {
    expect(story(rules, ...steps).at(-1)).toEqual(actions);
  });

  test("is done with once Slurm was told: the node may be up again at once, with other jobs", () => {
    const round = (memory: Memory, seconds: number, given: GivenWorker) =>
      decide(makeSnapshot(given), memory, SETTINGS, NOW + seconds * 1000, rules);
    const seen = round(round(emptyMemory, 0, up(0)).memory, 5, up(1));
    expect(seen.actions.map(actionText)).toEqual(ended);
    expect(round(seen.memory, 8, up(1)).actions).toHaveLength(1);
    expect(round(settled(seen.memory, seen.actions), 8, up(1)).actions).toEqual([]);
  });
});
