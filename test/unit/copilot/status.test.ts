import { describe, expect, test } from "vitest";
import { statusJson } from "../../../src/copilot/status/json.ts";
import { renderStatus } from "../../../src/copilot/status/render.ts";
import { type GivenWorker, minutesAgo, NOW } from "../../support/copilot.ts";
import { makeLook } from "../../support/look.ts";

const plain = (_colour: string, text: string): string => text;
const style = { colour: plain };
const tagged = { colour: (colour: string, text: string) => `<${colour}>${text}` };

/** Workers of group cpu from one number to another, all alike. */
function workers(from: number, to: number, given: GivenWorker): GivenWorker[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ name: `demo-worker-cpu-${from + index}`, ...given }));
}

const parked: GivenWorker = { state: "IDLE+CLOUD+POWERED_DOWN" };
const running: GivenWorker = { state: "MIXED+CLOUD", pod: {}, wanted: true, available: true };
const image = 'Back-off pulling image "slurm:2"';
const stuck = (seconds: number): GivenWorker => ({
  state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP",
  wanted: true,
  pod: {
    phase: "Pending",
    ready: false,
    created: NOW - seconds * 1000,
    failure: { code: "ImagePullBackOff", message: `ErrImagePull: ${image}`, since: NOW - seconds * 1000 },
  },
});
const failed = (until: number): GivenWorker => ({
  state: "DOWN+CLOUD+POWERED_DOWN",
  node: {
    reason: `power-agent: PodGone: is up and has no Pod [strike 2 until ${new Date(until).toISOString()}]`,
    reasonTime: NOW / 1000 - 60,
    reasonUser: "slurm",
  },
});
const drained: GivenWorker = {
  ...running,
  state: "IDLE+CLOUD+DRAIN",
  node: { reason: "disk is full", reasonUser: "anna" },
};

describe("the table", () => {
  test("has what an admin looks for, the urgent first, equal rows folded over small differences of time", () => {
    const look = makeLook([
      ...workers(0, 1, running),
      { name: "demo-worker-cpu-2", ...stuck(40) },
      { name: "demo-worker-cpu-3", ...stuck(35) },
      ...workers(4, 6, failed(NOW + 200_000)),
      { name: "demo-worker-cpu-7", ...drained },
      ...workers(8, 99, parked),
    ]);
    expect(renderStatus(look, false, style)).toEqual([
      "hpc/demo: slurmctld-copilot runs, last look 3s ago",
      "",
      "NODES                  STATE   WANTED  POD           AGE      STRIKES  NEXT                                                           REASON",
      'demo-worker-cpu-[2-3]  alloc#  yes     ErrImagePull  35s-40s  -        DOWN and withdrawn in 20s-25s: ImagePullBackOff (failing-pod)  Back-off pulling image "slurm:2"',
      "demo-worker-cpu-[4-6]  down~   -       -             -        2        returned in 3m20s (return-to-service)                          PodGone: is up and has no Pod",
      "demo-worker-cpu-7      drain   yes     Running       1h       -        left alone: DRAIN                                              disk is full (anna)",
      "",
      "100 nodes: 92 idle~, 3 down~, 2 alloc#, 2 mix, 1 drain; 5 Pods; 5 in podsToBeCreated (--all shows every node)",
    ]);
  });

  test("shows every node when asked to", () => {
    const look = makeLook([{ name: "demo-worker-cpu-0", ...running }, ...workers(1, 10, parked)]);
    expect(renderStatus(look, true, style)).toEqual([
      "hpc/demo: slurmctld-copilot runs, last look 3s ago",
      "",
      "NODES                   STATE  WANTED  POD      AGE  STRIKES  NEXT  REASON",
      "demo-worker-cpu-0       mix    yes     Running  1h   -        -     -",
      "demo-worker-cpu-[1-10]  idle~  -       -        -    -        -     -",
      "",
      "11 nodes: 10 idle~, 1 mix; 1 Pod; 1 in podsToBeCreated",
    ]);
  });

  test("says in one line that there is nothing to show", () => {
    const look = makeLook([{ name: "demo-worker-cpu-0", ...running }, ...workers(1, 10, parked)]);
    expect(renderStatus(look, false, style)[2]).toBe(
      "Nothing to show: every node is plainly parked, or up with its Pod ready.",
    );
  });

  test("never says that all is well when not everything could be read", () => {
    const look = makeLook([], { unknown: new Set(["slurm", "resource", "pods"]), seenByCopilot: false, at: NOW });
    expect(renderStatus(look, false, style).slice(1)).toEqual([
      "",
      "Nothing to show, as not everything could be read: how the nodes are is not known.",
    ]);
  });

  test("is no wider than the terminal, where its words let it be", () => {
    const look = makeLook([...workers(2, 3, stuck(40)), ...workers(4, 6, failed(NOW + 200_000))]);
    expect(renderStatus(look, false, { ...style, width: 100 })).toEqual([
      "hpc/demo: slurmctld-copilot runs, last look 3s ago",
      "",
      "NODES                  STATE   WANTED  POD           AGE  STRIKES  NEXT",
      "demo-worker-cpu-[2-3]  alloc#  yes     ErrImagePull  40s  -        DOWN and withdrawn in 20s:",
      "                                                                   ImagePullBackOff (failing-pod)",
      '    Back-off pulling image "slurm:2"',
      "demo-worker-cpu-[4-6]  down~   -       -             -    2        returned in 3m20s",
      "                                                                   (return-to-service)",
      "    PodGone: is up and has no Pod",
      "",
      "5 nodes: 3 down~, 2 alloc#; 2 Pods; 2 in podsToBeCreated (--all shows every node)",
    ]);
  });

  test("colours what fails and what an admin holds", () => {
    const look = makeLook([
      { name: "demo-worker-cpu-0", ...running, pod: { ready: false } },
      { name: "demo-worker-cpu-1", ...failed(NOW + 200_000) },
      { name: "demo-worker-cpu-2", ...drained },
    ]);
    const shades = renderStatus(look, false, tagged).map((line) => /^<(\w+)>demo-worker-cpu-\d/.exec(line)?.[0]);
    expect(shades.filter(Boolean)).toEqual(["<red>demo-worker-cpu-1", "<yellow>demo-worker-cpu-2"]);
  });
});

/** The cells of the one row about a worker: state, wanted, Pod, and what comes next. */
function cells(given: GivenWorker): string[] {
  const [, , , row = ""] = renderStatus(makeLook([{ ...given }]), true, style);
  const [, state = "", wanted = "", pod = "", , , next = ""] = row.split(/ {2,}/);
  return [state, wanted, pod, next];
}

test.each<[string, GivenWorker, string[]]>([
  [
    "waits for its Pod",
    { state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true },
    ["alloc#", "yes", "-", "DOWN and withdrawn in 4m57s: NeverCreated (missing-pod)"],
  ],
  [
    "waits for its old Pod",
    { state: "IDLE+CLOUD+POWERING_UP+DRAIN", wanted: true, pod: { deleted: minutesAgo(1) } },
    ["drain#", "yes", "Terminating", "left alone: DRAIN"],
  ],
  [
    "waits for its Pod to be ready",
    { state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true, pod: { phase: "Pending", ready: false } },
    ["alloc#", "yes", "Pending", "waits for its Pod to be ready"],
  ],
  [
    "has no place",
    {
      state: "IDLE+CLOUD",
      wanted: true,
      pod: {
        phase: "Pending",
        ready: false,
        failure: { code: "Unschedulable", message: "Unschedulable: 0/3", since: NOW },
      },
    },
    ["idle", "yes", "Pending: Unschedulable", "-"],
  ],
  [
    "is named in both lists",
    { state: "IDLE+CLOUD", wanted: true, unwanted: true, pod: {} },
    ["idle", "both", "Running", "named in podsToBeCreated in 2s (lost-resume)"],
  ],
  [
    "powers down",
    { state: "IDLE+CLOUD+POWERING_DOWN", unwanted: true, pod: { deleted: NOW } },
    ["idle%", "no", "Terminating", "powers down"],
  ],
  [
    "is silent",
    { ...running, state: "IDLE+CLOUD+NOT_RESPONDING" },
    ["idle*", "yes", "Running", "Slurm waits for slurmd (SlurmdTimeout)"],
  ],
  [
    "is held by an admin",
    { state: "DOWN+CLOUD", node: { reason: "mine" }, wanted: true, pod: {} },
    ["down", "yes", "Running", "left alone: DOWN, and not by the copilot"],
  ],
  [
    "is of an unknown group",
    { state: "IDLE+CLOUD", group: null, pod: {} },
    ["idle", "-", "Running", "left alone: the SlurmCluster has no such group"],
  ],
  [
    "is no node of Slurm",
    { pod: { created: minutesAgo(1) } },
    ["-", "-", "Running", "withdrawn in 4m57s (unknown-pod)"],
  ],
  [
    "has failed too often",
    {
      state: "DOWN+CLOUD+POWERED_DOWN",
      node: { reason: "power-agent: PodGone: x [strike 5 until 2026-11-23T20:00:00Z]" },
    },
    ["down~", "-", "-", "stays DOWN until an admin returns it"],
  ],
])("a node that %s", (_what, given, expected) => {
  expect(cells(given)).toEqual(expected);
});

describe("the first lines", () => {
  const first = (given: Parameters<typeof makeLook>[1], look = makeLook(workers(0, 1, drained), given)): string[] => {
    const lines = renderStatus(look, false, style);
    return [...lines.slice(0, lines.indexOf("")), lines.at(-3) ?? ""];
  };

  test("tell that a copilot does nothing, and what it saw before; nobody then knows what comes next", () => {
    const message = "Slurm is unknown: no answer from head";
    const copilot = { state: "does nothing", message } as const;
    expect(first({ copilot, problems: [message], at: minutesAgo(4) })).toEqual([
      "hpc/demo: slurmctld-copilot does nothing: Slurm is unknown: no answer from head",
      "  Shown is what it saw 4m ago; until it can read everything again it does nothing.",
      "demo-worker-cpu-[0-1]  drain  yes     Running  1h   -        ?     disk is full (anna)",
    ]);
  });

  test("tell that none runs, and what could not be read", () => {
    const copilot = { state: "does not run", message: "nobody listens on /run/x.sock" } as const;
    const problems = ["its Pods cannot be listed: GET https://api: 403 pods is forbidden"];
    const unknown = new Set(["pods"] as const);
    const look = makeLook(workers(0, 1, { ...drained, pod: undefined as never }), {
      copilot,
      problems,
      unknown,
      seenByCopilot: false,
      at: NOW,
    });
    expect(first({}, look)).toEqual([
      "hpc/demo: slurmctld-copilot does not run: nobody listens on /run/x.sock",
      "  Shown is what was read just now. NEXT is what it would do if it ran; times count from now.",
      "  unknown: its Pods cannot be listed: GET https://api: 403 pods is forbidden",
      "demo-worker-cpu-[0-1]  drain  yes     ?    -    -        ?     disk is full (anna)",
    ]);
  });

  test("tell of steps held back and of mistakes in the settings", () => {
    expect(first({ heldBack: 12, settingsProblems: ["settings /x:3: colour: unknown key"] }).slice(1, 3)).toEqual([
      "  12 steps held back: together they would end too many Pods, see blastRadius in the settings",
      "  settings /x:3: colour: unknown key",
    ]);
  });
});

test("as JSON: each worker by itself, times in RFC 3339", () => {
  const look = makeLook([...workers(0, 0, running), ...workers(1, 1, failed(NOW + 200_000))]);
  expect(JSON.parse(JSON.stringify(statusJson(look, false)))).toEqual({
    cluster: { namespace: "hpc", name: "demo" },
    copilot: { state: "runs" },
    seenAt: "2026-11-23T19:59:57.000Z",
    seenByCopilot: true,
    heldBack: 0,
    unknown: [],
    problems: [],
    settingsProblems: [],
    workers: [
      {
        name: "demo-worker-cpu-1",
        group: "cpu",
        slurm: {
          state: "down~",
          flags: ["DOWN", "CLOUD", "POWERED_DOWN"],
          reason: "power-agent: PodGone: is up and has no Pod [strike 2 until 2026-11-23T20:03:20.000Z]",
          reasonUser: "slurm",
          reasonTime: "2026-11-23T19:59:00.000Z",
        },
        wanted: false,
        unwanted: false,
        available: false,
        strikes: 2,
        reason: "PodGone: is up and has no Pod",
        next: {
          at: "2026-11-23T20:03:20.000Z",
          what: "returned",
          heldBack: false,
          actions: [
            {
              kind: "return",
              rule: "return-to-service",
              code: "BackOffOver",
              message: "is DOWN as PodGone and its back-off is over",
            },
          ],
        },
      },
    ],
  });
});
