import { describe, expect, test } from "vitest";
import type { Action } from "../../../src/copilot/action.ts";
import { type ExecutorContext, execute } from "../../../src/copilot/executor.ts";
import type { Observation } from "../../../src/copilot/observation.ts";
import { createStepLog } from "../../../src/copilot/step-log.ts";
import { KubernetesError, type KubernetesErrorKind } from "../../../src/kubernetes/errors.ts";
import type { EventText } from "../../../src/kubernetes/events.ts";
import type { PatchOperation } from "../../../src/kubernetes/slurm-cluster.ts";
import { type GivenWorker, makeSnapshot } from "../../support/copilot.ts";
import { slurmCluster } from "../../support/slurm-cluster.ts";

const node = "demo-worker-cpu-0";
const other = "demo-worker-cpu-1";
const action = (kind: "resume" | "suspend" | "power-down" | "return", name = node): Action => ({
  kind,
  node: name,
  rule: "r",
  code: "PodGone",
  message: "m",
});
const down: Action = { kind: "set-down", node, rule: "r", code: "PodGone", message: "m", strike: 1, until: 0 };

const remake: Action = { kind: "delete-pod", uid: "u1", node, rule: "r", code: "PodGone", message: "m" };

/** Carries out actions where `states` are what scontrol shows of each node, one after the other and the last for ever. */
async function run(
  actions: readonly Action[],
  given: GivenWorker | readonly GivenWorker[],
  states: readonly string[],
  more: {
    readonly dryRun?: boolean;
    /** Why the API does not say that the Pod of a node that is up is gone. */
    readonly doubt?: string;
    readonly reason?: string;
    /** What a PATCH or DELETE fails with, if it does. */
    readonly fails?: (method: string, path: string) => Error | undefined;
    /** Whether slurmctld answers no more once the steps begin. */
    readonly silent?: boolean;
    /** How often scontrol shows the node before another copilot has taken over. */
    readonly heldFor?: number;
    /** podsToBeCreated as the API has it. @default [0] */
    readonly created?: readonly number[];
    /** Resolves when an Event is told. */
    readonly told?: (events: readonly EventText[]) => Promise<void>;
  } = {},
) {
  const { dryRun = false, doubt, reason, fails, silent = false, heldFor = Number.POSITIVE_INFINITY } = more;
  const { created = [0], told } = more;
  const workers = [given].flat();
  const names = workers.map(({ name = node }) => name);
  const calls: string[] = [];
  const patches: PatchOperation[][] = [];
  const deleted: string[] = [];
  const events: EventText[] = [];
  const observed: Observation["kind"][] = [];
  const logged: string[] = [];
  const line = (message: string) => logged.push(message);
  const log = { info: line, warn: line, error: line } as unknown as ExecutorContext["log"];
  let shown = 0;
  const context: ExecutorContext = {
    snapshot: makeSnapshot(...workers),
    absence:
      doubt === undefined
        ? { gone: new Set(names), doubts: new Map() }
        : { gone: new Set(), doubts: new Map([[node, doubt]]) },
    cluster: { namespace: "default", name: "demo" },
    api: async ({ method, body, path }) => {
      const failure = method === "GET" ? undefined : fails?.(method, path);
      if (failure !== undefined) throw failure;
      if (method === "DELETE")
        deleted.push((JSON.parse(body ?? "") as { preconditions: { uid: string } }).preconditions.uid);
      if (method === "PATCH") patches.push(JSON.parse(body ?? "") as PatchOperation[]);
      return slurmCluster([{ groupName: "cpu", replicas: 1, podsToBeCreated: created }]);
    },
    makeScontrol: () => async (args) => {
      if (silent) {
        shown += 1;
        return { ok: false, stdout: "", message: "did not answer", answered: false };
      }
      if (args.includes("show")) {
        const state = states[Math.min(shown, states.length - 1)];
        const why = reason === undefined ? "" : `Reason=${reason} [root@2026-11-23T20:00:00]`;
        shown += 1;
        return {
          ok: true,
          stdout: names.map((name) => `NodeName=${name} State=${state} Partitions=main ${why}\n`).join(""),
        };
      }
      calls.push(args.filter((arg) => !arg.startsWith("Reason=")).join(" "));
      return { ok: true, stdout: "" };
    },
    barred: () => (shown > heldFor ? "the Lease is lost" : undefined),
    recordEvent: async (text) => {
      events.push(text);
      await told?.(events);
    },
    log,
    stepLog: createStepLog(log, () => 0, new Map()),
    observe: ({ kind }) => observed.push(kind),
    now: () => 0,
    random: () => 0,
    sleep: async () => {},
    patchBudget: 1000,
    dryRun,
  };
  const done = await execute(actions, context);
  return { done: [...done].map(({ kind }) => kind), calls, patches, deleted, events, logged, observed, shown };
}

describe("execute", () => {
  const parked = { state: "IDLE+CLOUD+POWERED_DOWN", pod: {}, wanted: true };

  test.each([
    ["nothing", 0, {}],
    ["what comes before", 1, { calls: ["update NodeName=demo-worker-cpu-0 State=DOWN"] }],
  ])("when another copilot takes over meanwhile: does %s", async (_name, heldFor, expected) => {
    const failed = { state: "DOWN+CLOUD", pod: {}, wanted: true };
    const all = [down, action("suspend"), remake, action("power-down"), action("return")];
    const { calls, patches, deleted, logged } = await run(all, failed, ["DOWN+CLOUD"], { heldFor });
    expect({ calls, patches, deleted }).toEqual({ calls: [], patches: [], deleted: [], ...expected });
    expect(logged.join("\n")).toContain("the Lease is lost");
  });

  test.each(["resume", "suspend", "forget"] as const)(
    "when another copilot takes over meanwhile: no %s",
    async (kind) => {
      const { patches, done } = await run([{ ...action("resume"), kind }], parked, ["IDLE+CLOUD+POWERED_DOWN"], {
        heldFor: -1,
      });
      expect({ patches, done }).toEqual({ patches: [], done: [] });
    },
  );

  test("suspends a node that is parked", async () => {
    const { patches, events } = await run([action("suspend")], parked, ["IDLE+CLOUD+POWERED_DOWN"]);
    expect(patches[0]?.slice(-3)).toEqual([
      { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [] },
      { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: [node] },
      { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 0 },
    ]);
    expect(events).toEqual([{ type: "Normal", reason: "PodGone", message: `suspend ${node}: m (r)` }]);
  });

  test.each([
    ["before anything is done", ["ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP"]],
    ["between the read and the patch", ["IDLE+CLOUD+POWERED_DOWN", "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP"]],
    ["between the read and the patch, not yet powered up", ["IDLE+CLOUD+POWERED_DOWN", "ALLOCATED+CLOUD+POWERED_DOWN"]],
  ])("does not suspend a node that a job was given %s", async (_when, states) => {
    expect((await run([action("suspend")], parked, states)).patches).toEqual([]);
  });

  test("tells Slurm first and withdraws then", async () => {
    const failing = { state: "ALLOCATED+CLOUD+POWERING_UP", pod: {}, wanted: true };
    const states = ["ALLOCATED+CLOUD+POWERING_UP", "DOWN+CLOUD+POWERING_UP"];
    const { calls, patches, events } = await run([down, action("suspend")], failing, states);
    expect(calls).toEqual([`update NodeName=${node} State=DOWN`]);
    expect(patches).toHaveLength(1);
    expect(events.map(({ type }) => type)).toEqual(["Warning", "Normal"]);
  });

  test("tells of what was done even when what follows for the same node fails", async () => {
    const failing = { state: "ALLOCATED+CLOUD+POWERING_UP", pod: {}, wanted: true };
    const states = ["ALLOCATED+CLOUD+POWERING_UP", "DOWN+CLOUD+POWERING_UP"];
    const { done, events, logged } = await run([down, action("suspend")], failing, states, {
      fails: () => new KubernetesError("Invalid", "422"),
    });
    expect(done).toEqual(["set-down"]);
    expect(events.map(({ message }) => message)).toEqual([`set-down ${node}: m (r)`]);
    expect(logged.at(-1)).toBe(`suspend of ${node} failed, the next round tries again: 422`);
  });

  test("tells all Events at once, so that an API that hangs delays the next round only once", async () => {
    const failing = { state: "ALLOCATED+CLOUD+POWERING_UP", pod: {}, wanted: true };
    const states = ["ALLOCATED+CLOUD+POWERING_UP", "DOWN+CLOUD+POWERING_UP"];
    const both = Promise.withResolvers<void>();
    // Neither is taken before both were sent.
    const told = (events: readonly EventText[]): Promise<void> => {
      if (events.length === 2) both.resolve();
      return both.promise;
    };
    const { events } = await run([down, action("suspend")], failing, states, { told });
    expect(events).toHaveLength(2);
  });

  test("leaves a node alone that has changed since the decision", async () => {
    const failing = { state: "ALLOCATED+CLOUD+POWERING_UP", pod: {}, wanted: true };
    const { calls, patches, events } = await run([down, action("suspend")], failing, ["ALLOCATED+CLOUD"]);
    expect({ calls, patches, events }).toEqual({ calls: [], patches: [], events: [] });
  });

  test("power-down and return need no Reason", async () => {
    const ours = { state: "DOWN+CLOUD+POWERED_DOWN" };
    const { calls } = await run([action("return")], ours, ["DOWN+CLOUD+POWERED_DOWN"]);
    expect(calls).toEqual([`update NodeName=${node} State=RESUME`]);
  });

  test("sets a node DOWN whose Pod is not seen only where the API itself says that it is gone", async () => {
    const busy = { state: "ALLOCATED+CLOUD", wanted: true };
    expect((await run([down], busy, ["ALLOCATED+CLOUD"])).calls).toEqual([`update NodeName=${node} State=DOWN`]);
    const doubt = "has a Pod that the watch does not show";
    const { calls, patches, logged } = await run([down, action("suspend")], busy, ["ALLOCATED+CLOUD"], { doubt });
    expect({ calls, patches }).toEqual({ calls: [], patches: [] });
    expect(logged.at(-1)).toBe(`${node}: ${doubt}; left alone`);
  });

  test("does not set a node DOWN that has changed while the API was asked for its Pod", async () => {
    const busy = { state: "ALLOCATED+CLOUD", wanted: true };
    expect((await run([down], busy, ["ALLOCATED+CLOUD+DRAIN"])).calls).toEqual([]);
  });

  test.each<[string, GivenWorker, string, string | undefined, boolean]>([
    ["that is up", { state: "IDLE+CLOUD", pod: {} }, "IDLE+CLOUD", undefined, true],
    ["that got a job", { state: "IDLE+CLOUD", pod: {} }, "ALLOCATED+CLOUD", undefined, true],
    ["that powers up", { state: "IDLE+CLOUD+POWERING_UP" }, "ALLOCATED+CLOUD+POWERING_UP", undefined, true],
    ["that came up", { state: "IDLE+CLOUD+POWERING_UP" }, "IDLE+CLOUD", undefined, true],
    ["that an admin set DOWN", { state: "IDLE+CLOUD", pod: {} }, "DOWN+CLOUD", "disk", true],
    ["that was set DOWN by us", { state: "IDLE+CLOUD", pod: {} }, "DOWN+CLOUD", "power-agent: X: y", false],
    ["that is suspended", { state: "IDLE+CLOUD", pod: {} }, "IDLE+CLOUD+POWERING_DOWN", undefined, false],
    ["that is powered down", { state: "IDLE+CLOUD", pod: {} }, "IDLE+CLOUD+POWERED_DOWN", undefined, false],
    ["that waits for POWER_DOWN", { state: "MIXED+CLOUD", pod: {} }, "MIXED+CLOUD+POWER_DOWN", undefined, false],
    ["that did not come", { state: "IDLE+CLOUD+POWERING_UP" }, "DOWN+CLOUD+POWERING_UP", "disk", false],
  ])(
    "names a node again in podsToBeCreated, asked of Slurm between read and patch: one %s",
    async (_which, given, state, reason, is) => {
      const { patches, done, logged } = await run([action("resume")], { ...given, unwanted: true }, [state], {
        created: [],
        ...(reason !== undefined && { reason }),
      });
      expect({ patches: patches.length, done }).toEqual(
        is ? { patches: 1, done: ["resume"] } : { patches: 0, done: [] },
      );
      if (!is) expect(logged.at(-1)).toBe(`resume of ${node} dropped: not in use in Slurm any more, or unknown`);
    },
  );

  test("without an answer of Slurm nothing that depends on it is done, and why is said", async () => {
    const up = { state: "IDLE+CLOUD", pod: {} };
    const { calls, patches, logged, shown } = await run(
      [action("resume"), action("return", other)],
      [up, { ...up, name: other }],
      [],
      { silent: true },
    );
    // Who does not answer once is not waited for again.
    expect({ calls, patches, shown }).toEqual({ calls: [], patches: [], shown: 1 });
    expect(logged.slice(-2)).toEqual([
      `${other}: cannot be asked for again in Slurm (did not answer), left for the next round`,
      `resume of ${node} dropped: not in use in Slurm any more, or unknown`,
    ]);
  });

  test.each<[string, Action, string]>([
    ["a patch", action("suspend"), "suspend"],
    ["a deletion", remake, "delete-pod"],
  ])("a defect met in %s is the failure of that step, and the others are done and told", async (_what, first, kind) => {
    const state = "DOWN+CLOUD+POWERED_DOWN";
    const fails = () => new TypeError("oops");
    const { done, calls, events, logged, observed } = await run(
      [first, action("return", other)],
      [
        { state, pod: {} },
        { state, name: other },
      ],
      [state],
      { fails },
    );
    expect(done).toEqual(["return"]);
    expect(calls).toEqual([`update NodeName=${other} State=RESUME`]);
    expect(events.map(({ message }) => message)).toEqual([`return ${other}: m (r)`]);
    expect(logged.at(-1)).toMatch(
      new RegExp(`^${kind} of ${node} failed: defect in the copilot, .*TypeError: oops\\n +at `, "s"),
    );
    expect(observed).toEqual(["defect"]);
  });

  test("an Event that fails by a defect costs no other", async () => {
    const state = "DOWN+CLOUD+POWERED_DOWN";
    const told = async (events: readonly EventText[]): Promise<void> => {
      if (events.length === 1) throw new TypeError("oops");
    };
    const actions = [action("suspend"), action("return", other)];
    const workers = [
      { state, pod: {} },
      { state, name: other },
    ];
    const { done, events, logged } = await run(actions, workers, [state], { told });
    expect(done).toEqual(["suspend", "return"]);
    expect(events).toHaveLength(2);
    expect(logged.at(-1)).toMatch(/^an Event failed: defect in the copilot, please report it: TypeError: oops/);
  });

  test.each<[KubernetesErrorKind, number]>([
    ["Timeout", 1],
    ["Forbidden", 3],
  ])("Pods that cannot be deleted for %s: %i calls, and one line", async (kind, calls) => {
    const names = [node, other, "demo-worker-cpu-2"];
    const state = "ALLOCATED+CLOUD+POWERING_UP";
    let tries = 0;
    const fails = (method: string): Error | undefined => {
      if (method === "DELETE") tries += 1;
      return new KubernetesError(kind, "no");
    };
    const { logged } = await run(
      names.map((name) => ({ ...remake, node: name })),
      names.map((name) => ({ name, state, wanted: true, pod: { uid: "u1" } })),
      [state],
      { fails },
    );
    expect(tries).toBe(calls);
    expect(logged.slice(3)).toEqual(["delete-pod demo-worker-cpu-[0-2] failed: no"]);
  });

  test("does not return a node to which an admin gave a Reason meanwhile", async () => {
    const ours = { state: "DOWN+CLOUD+POWERED_DOWN", node: { reason: "power-agent: X: y" } };
    const states = ["DOWN+CLOUD+POWERED_DOWN"];
    expect((await run([action("return")], ours, states, { reason: "power-agent: X: y" })).calls).toHaveLength(1);
    expect((await run([action("return")], ours, states, { reason: "bad DIMM" })).calls).toEqual([]);
  });

  test("deletes a Pod only while its node is what it was", async () => {
    const booting = { state: "ALLOCATED+CLOUD+POWERING_UP", pod: { uid: "u1" }, wanted: true };
    expect((await run([remake], booting, ["ALLOCATED+CLOUD+POWERING_UP"])).deleted).toEqual(["u1"]);
    expect((await run([remake], booting, ["ALLOCATED+CLOUD+POWERING_UP", "ALLOCATED+CLOUD"])).deleted).toEqual([]);
  });

  test("a dry run says it and does nothing", async () => {
    const { calls, patches, events, logged } = await run(
      [down, action("suspend")],
      parked,
      ["IDLE+CLOUD+POWERED_DOWN"],
      { dryRun: true },
    );
    expect({ calls, patches, events }).toEqual({ calls: [], patches: [], events: [] });
    expect(logged).toEqual([`would set-down ${node}: PodGone: m (r)`, `would suspend ${node}: PodGone: m (r)`]);
  });
});
