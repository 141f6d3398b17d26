/** Whole rounds against a Slurm and an API that are played: what is asked of them, how often, and what comes of it. */
import { expandHostlist, foldHostlist } from "hostlist-parse";
import { describe, expect, test } from "vitest";
import { firstState, type RoundContext, type RoundState, runRound } from "../../../src/copilot/round.ts";
import { KubernetesError, type KubernetesErrorKind } from "../../../src/kubernetes/errors.ts";
import type { WorkerPod } from "../../../src/kubernetes/worker-pods.ts";
import { formatReason } from "../../../src/slurm/own-reason.ts";
import { NOW } from "../../support/copilot.ts";
import { slurmCluster } from "../../support/slurm-cluster.ts";
import { fixture } from "../../support/slurm-fixture.ts";

/** The budget of a scontrol, in milliseconds. */
const BUDGET = 15_000;
/** What scontrol takes for a list of all nodes and for an update of a hundred, in milliseconds: 80 updates just use up a budget. */
const LIST = 1000;
const UPDATE = 189;

const nameOf = (index: number): string => `demo-worker-cpu-${index}`;
const numbers = (length: number): number[] => Array.from({ length }, (_, index) => index);
const runningPod = (index: number, more: Partial<WorkerPod> = {}): WorkerPod => ({
  name: nameOf(index),
  uid: `u${index}`,
  phase: "Running",
  ready: true,
  created: NOW - 3_600_000,
  ...more,
});

/** A cluster whose nodes are in these states, by index, and wanted or not, with a copilot that has seen nothing yet. */
function makeSystem(states: readonly (readonly [state: string, reason?: string])[], wanted = true) {
  const nodes = new Map(states.map(([state, reason], index) => [nameOf(index), { state, reason }]));
  const calls: string[] = [];
  const logged: string[] = [];
  const asked: string[] = [];
  const patches: string[] = [];
  let time = NOW;
  let pods: ReadonlyMap<string, WorkerPod> = new Map();
  let byOthers = false;
  let lookUp: (name: string) => KubernetesErrorKind | undefined = () => "NotFound";
  let patch: () => KubernetesErrorKind | undefined = () => undefined;
  let state: RoundState = firstState;

  const record = (name: string): string => {
    const { state: flags, reason } = nodes.get(name) ?? { state: "" };
    return `NodeName=${name} State=${flags} Partitions=main${reason === undefined ? "" : ` Reason=${reason} [slurm@2026-11-23T19:00:00]`}\n`;
  };
  function answer(args: readonly string[]): string {
    const words = args.filter((word) => !word.startsWith("-"));
    const [verb = "", what = "", names] = words;
    if (verb === "update") {
      const flags = /^State=(\w+)$/.exec(names ?? "")?.[1] ?? "";
      for (const name of expandHostlist(what.slice("NodeName=".length))) {
        const before = nodes.get(name)?.state ?? "";
        nodes.set(name, { state: before.replace(/^\w+/, flags), reason: (words[3] ?? "").slice("Reason=".length) });
      }
      time += UPDATE;
      return "";
    }
    if (what === "node") {
      time += LIST;
      return (names === undefined ? [...nodes.keys()] : [...expandHostlist(names)]).map(record).join("");
    }
    const all = foldHostlist([...nodes.keys()]);
    return what === "partition" ? `PartitionName=main Nodes=${all} State=UP\n` : fixture("22.05", words.join("-"));
  }

  const line = (message: string) => logged.push(message);
  const resource = slurmCluster([
    { groupName: "cpu", replicas: 0, podsToBeCreated: wanted ? numbers(states.length) : [] },
  ]);
  const context: RoundContext = {
    cluster: { namespace: "default", name: "demo" },
    api: async ({ method, path }) => {
      const name = /\/pods\/(.*)$/.exec(path)?.[1];
      if (name !== undefined) asked.push(name);
      if (method === "PATCH") patches.push(path);
      const kind = name !== undefined ? lookUp(name) : method === "PATCH" ? patch() : undefined;
      if (kind !== undefined) throw new KubernetesError(kind, kind, { namesObject: kind === "NotFound" && !byOthers });
      return resource;
    },
    recordEvent: async () => {},
    makeScontrol: () => {
      let end: number | undefined;
      return async (args) => {
        end ??= time + BUDGET;
        if (time >= end) return { ok: false, stdout: "", message: "did not answer within 15 s", answered: false };
        calls.push(
          args
            .filter((word) => !word.startsWith("-"))
            .slice(0, args[0] === "update" ? 1 : 2)
            .join(" "),
        );
        return { ok: true, stdout: answer(args) };
      };
    },
    kubernetes: () => ({ resource, pods }),
    limits: () => ({}),
    standby: () => undefined,
    observe: () => {},
    log: { info: line, warn: line, error: line } as unknown as RoundContext["log"],
    now: () => time,
    random: () => 0,
    sleep: async () => {},
    patchBudget: 8000,
    dryRun: false,
  };
  return {
    /** A round ten seconds after the last one; gives what it has logged. */
    round: async (): Promise<readonly string[]> => {
      time += 10_000;
      const before = logged.length;
      calls.splice(0);
      state = await runRound(state, context);
      return logged.slice(before);
    },
    setPods: (given: readonly WorkerPod[]) => {
      pods = new Map(given.map((pod) => [pod.name, pod]));
    },
    /** `answeredByOthers`: 404 does not come from the API itself. */
    onLookUp: (outcome: typeof lookUp, answeredByOthers = false) => {
      lookUp = outcome;
      byOthers = answeredByOthers;
    },
    onPatch: (outcome: typeof patch) => {
      patch = outcome;
    },
    down: () => [...nodes.values()].filter(({ state: flags }) => flags.startsWith("DOWN")).length,
    heldBack: () => state.last?.heldBack,
    /** What people are shown of a Pod's failure. */
    failure: (index: number) => state.last?.snapshot.workers.get(nameOf(index))?.pod?.failure,
    /** Calls of scontrol in the last round, by what they are. */
    calls: () =>
      Object.fromEntries(
        Map.groupBy(calls, (call) => call)
          .entries()
          .map(([call, all]) => [call, all.length]),
      ),
    asked,
    patches,
  };
}

/** So many nodes with jobs, in the round after which all is seen for the second time. */
async function busySystem(length: number, pods: readonly WorkerPod[]) {
  const system = makeSystem(numbers(length).map(() => ["ALLOCATED+CLOUD"]));
  system.setPods(numbers(length).map((index) => runningPod(index)));
  await system.round();
  system.setPods(pods);
  return system;
}

describe("Pods that are lost all at once", () => {
  test("kubectl drain of a machine with 11 workers: all are DOWN in the first round that sees it", async () => {
    const { round, down, heldBack } = await busySystem(
      11,
      numbers(11).map((index) => runningPod(index, { deleted: NOW })),
    );
    await round();
    expect([down(), heldBack()]).toEqual([11, 0]);
  });

  test("gone for certain: the API is asked for each, and all are DOWN as soon as it has lasted for two rounds", async () => {
    const { round, down, heldBack, asked } = await busySystem(40, []);
    await round();
    expect(asked).toEqual([]);
    await round();
    expect([down(), heldBack(), asked.length]).toEqual([40, 0, 40]);
  });

  test("a watch that suddenly shows none: nothing is DOWN, it is held back, and the API is not asked for all of them", async () => {
    const { round, down, heldBack, asked, onLookUp } = await busySystem(40, []);
    onLookUp(() => undefined);
    await round();
    const lines = await round();
    expect([down(), heldBack(), asked.length]).toEqual([0, 80, 10]);
    expect(lines).toEqual([
      "80 steps held back: they would end more than 10 Pods in one round, which nobody may want: demo-worker-cpu-[0-39]: has a Pod that the watch does not show: is not seen to have a Pod, and the watch is wrong about others",
    ]);
  });

  test("of some the Pod is there all the same: they alone are left, and it is said once", async () => {
    const { round, down, onLookUp } = await busySystem(15, []);
    onLookUp((name) => (name.endsWith("3") ? undefined : "NotFound"));
    await round();
    expect(await round()).toContain("demo-worker-cpu-[3,13]: has a Pod that the watch does not show; left alone");
    expect(down()).toBe(13);
    expect((await round()).filter((line) => line.includes("left alone"))).toEqual([]);
  });

  test.each<[KubernetesErrorKind]>([["Timeout"], ["Forbidden"], ["NotFound"]])(
    "where something answers with %s that is not the API's word about the Pod it is asked once, and nothing is DOWN",
    async (kind) => {
      const { round, down, asked, onLookUp } = await busySystem(8, []);
      onLookUp(() => kind, true);
      await round();
      const lines = await round();
      expect([down(), asked.length]).toEqual([0, 1]);
      expect(lines.at(-1)).toBe(`demo-worker-cpu-[0-7]: whether it has a Pod cannot be told: ${kind}; left alone`);
    },
  );
});

test("8,000 nodes to close: one look before they are, time for all of it, and for the one that comes back", async () => {
  const until = NOW + 3_600_000;
  const parked = numbers(8000).map((): [string] => ["IDLE+CLOUD+POWERED_DOWN"]);
  const failed: [string, string] = [
    "DOWN+CLOUD+POWERED_DOWN",
    formatReason({ code: "Unschedulable", message: "no room", strike: 1, until }),
  ];
  const over: [string, string] = [
    "DOWN+CLOUD+POWERED_DOWN",
    formatReason({ code: "PodGone", message: "m", strike: 1, until: NOW }),
  ];
  const { round, calls, down } = makeSystem([...parked, failed, over], false);
  await round();
  // The round's own, one before DOWN, and one before RESUME.
  expect(calls()).toMatchObject({ "show node": 3, update: 81 });
  expect(down()).toBe(8001);
});

test("what is refused in each round is told once, though it is tried in each", async () => {
  const { round, setPods, onPatch, patches } = makeSystem(numbers(30).map(() => ["IDLE+CLOUD+POWERED_DOWN"]));
  setPods(numbers(30).map((index) => runningPod(index, { phase: "Pending", ready: false })));
  onPatch(() => "Invalid");
  await round();
  const lines = await round();
  expect(lines).toHaveLength(31);
  expect(lines.at(-1)).toBe("suspend of demo-worker-cpu-[0-29] failed, the next round tries again: Invalid");
  expect([await round(), await round()]).toEqual([[], []]);
  onPatch(() => undefined);
  expect(await round()).toEqual(["suspend of demo-worker-cpu-[0-29] done, after 3 rounds in which it was not"]);
  expect(patches).toHaveLength(4);
});

test("people are told since when the copilot has seen a Pod fail, and not since when it was made", async () => {
  const { round, setPods, failure } = makeSystem([["ALLOCATED+CLOUD+POWERING_UP"]]);
  const why = { code: "ImagePullBackOff", message: "m", since: NOW - 600_000, isEarliest: true } as const;
  setPods([runningPod(0, { phase: "Pending", ready: false, failure: why })]);
  await round();
  const first = failure(0);
  expect(first).toEqual({ code: "ImagePullBackOff", message: "m", since: expect.any(Number) });
  expect(first?.since).toBeGreaterThan(NOW);
  await round();
  expect(failure(0)).toEqual(first);
});
