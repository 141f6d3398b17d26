import { describe, expect, test } from "vitest";
import type { Action } from "../../../src/copilot/action.ts";
import { type ExecutorContext, execute } from "../../../src/copilot/executor.ts";
import { KubernetesError } from "../../../src/kubernetes/errors.ts";
import type { EventText } from "../../../src/kubernetes/events.ts";
import type { PatchOperation } from "../../../src/kubernetes/slurm-cluster.ts";
import { type GivenWorker, makeSnapshot } from "../../support/copilot.ts";
import { slurmCluster } from "../../support/slurm-cluster.ts";

const node = "demo-worker-cpu-0";
const action = (kind: "resume" | "suspend" | "power-down" | "return"): Action => ({
  kind,
  node,
  rule: "r",
  code: "PodGone",
  message: "m",
});
const down: Action = { kind: "set-down", node, rule: "r", code: "PodGone", message: "m", strike: 1, until: 0 };

const remake: Action = { kind: "delete-pod", uid: "u1", node, rule: "r", code: "PodGone", message: "m" };

/** Carries out actions where `states` are what scontrol shows of the node, one after the other and the last for ever. */
async function run(
  actions: readonly Action[],
  given: GivenWorker,
  states: readonly string[],
  more: {
    readonly dryRun?: boolean;
    readonly podExists?: boolean;
    readonly reason?: string;
    readonly refusedPatch?: boolean;
    /** How often scontrol shows the node before another copilot has taken over. */
    readonly heldFor?: number;
    /** Resolves when an Event is told. */
    readonly told?: (events: readonly EventText[]) => Promise<void>;
  } = {},
) {
  const {
    dryRun = false,
    podExists = false,
    reason,
    refusedPatch = false,
    heldFor = Number.POSITIVE_INFINITY,
    told,
  } = more;
  const calls: string[] = [];
  const patches: PatchOperation[][] = [];
  const deleted: string[] = [];
  const events: EventText[] = [];
  const logged: string[] = [];
  const log = (message: string) => logged.push(message);
  let shown = 0;
  const context: ExecutorContext = {
    snapshot: makeSnapshot(given),
    cluster: { namespace: "default", name: "demo" },
    api: async ({ method, body, path }) => {
      if (path.includes("/pods/") && method === "GET" && !podExists) throw new KubernetesError("NotFound", "404");
      if (method === "DELETE")
        deleted.push((JSON.parse(body ?? "") as { preconditions: { uid: string } }).preconditions.uid);
      if (method === "PATCH" && refusedPatch) throw new KubernetesError("Invalid", "422");
      if (method === "PATCH") patches.push(JSON.parse(body ?? "") as PatchOperation[]);
      return slurmCluster([{ groupName: "cpu", replicas: 1, podsToBeCreated: [0] }]);
    },
    scontrol: async (args) => {
      if (args.includes("show")) {
        const state = states[Math.min(shown, states.length - 1)];
        shown += 1;
        return {
          ok: true,
          stdout: `NodeName=${node} State=${state} Partitions=main ${reason === undefined ? "" : `Reason=${reason} [root@2026-11-23T20:00:00]`}\n`,
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
    log: { info: log, warn: log, error: log } as unknown as ExecutorContext["log"],
    now: () => 0,
    random: () => 0,
    sleep: async () => {},
    patchBudget: 1000,
    dryRun,
  };
  const done = await execute(actions, context);
  return { done: [...done].map(({ kind }) => kind), calls, patches, deleted, events, logged };
}

describe("execute", () => {
  const parked = { state: "IDLE+CLOUD+POWERED_DOWN", pod: {}, wanted: true };

  test.each([
    ["nothing", 0, {}],
    ["what comes before", 2, { calls: ["update NodeName=demo-worker-cpu-0 State=DOWN"] }],
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
    const states = ["ALLOCATED+CLOUD+POWERING_UP", "ALLOCATED+CLOUD+POWERING_UP", "DOWN+CLOUD+POWERING_UP"];
    const { calls, patches, events } = await run([down, action("suspend")], failing, states);
    expect(calls).toEqual([`update NodeName=${node} State=DOWN`]);
    expect(patches).toHaveLength(1);
    expect(events.map(({ type }) => type)).toEqual(["Warning", "Normal"]);
  });

  test("tells of what was done even when what follows for the same node fails", async () => {
    const failing = { state: "ALLOCATED+CLOUD+POWERING_UP", pod: {}, wanted: true };
    const states = ["ALLOCATED+CLOUD+POWERING_UP", "ALLOCATED+CLOUD+POWERING_UP", "DOWN+CLOUD+POWERING_UP"];
    const { done, events, logged } = await run([down, action("suspend")], failing, states, { refusedPatch: true });
    expect(done).toEqual(["set-down"]);
    expect(events.map(({ message }) => message)).toEqual([`set-down ${node}: m (r)`]);
    expect(logged.at(-1)).toBe(`suspend of ${node} failed, the next round tries again: 422`);
  });

  test("tells all Events at once, so that an API that hangs delays the next round only once", async () => {
    const failing = { state: "ALLOCATED+CLOUD+POWERING_UP", pod: {}, wanted: true };
    const states = ["ALLOCATED+CLOUD+POWERING_UP", "ALLOCATED+CLOUD+POWERING_UP", "DOWN+CLOUD+POWERING_UP"];
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

  test("asks the API itself before a node whose Pod is not seen is set DOWN", async () => {
    const busy = { state: "ALLOCATED+CLOUD", wanted: true };
    expect((await run([down], busy, ["ALLOCATED+CLOUD"])).calls).toEqual([`update NodeName=${node} State=DOWN`]);
    expect((await run([down], busy, ["ALLOCATED+CLOUD"], { podExists: true })).calls).toEqual([]);
  });

  test("does not set a node DOWN that has changed while the API was asked", async () => {
    const busy = { state: "ALLOCATED+CLOUD", wanted: true };
    expect((await run([down], busy, ["ALLOCATED+CLOUD", "ALLOCATED+CLOUD+DRAIN"])).calls).toEqual([]);
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
