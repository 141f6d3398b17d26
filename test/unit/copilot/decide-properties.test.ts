import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Action } from "../../../src/copilot/action.ts";
import { decide, emptyMemory, type Memory } from "../../../src/copilot/decide.ts";
import type { Snapshot, Worker } from "../../../src/copilot/snapshot.ts";
import { formatReason } from "../../../src/slurm/own-reason.ts";
import { type GivenWorker, HELD, LEFT_ALONE, makeSnapshot, NOW, SETTINGS } from "../../support/copilot.ts";

const POWER = ["POWERED_DOWN", "POWERING_DOWN", "POWERING_UP", "POWER_UP"];
const reasons = fc.constantFrom(
  undefined,
  "disk",
  "Not responding",
  "ResumeTimeout reached",
  "power-agent: Deadline: late",
  formatReason({ code: "Unschedulable", message: "no room", strike: 1, until: NOW + 100_000 }),
  formatReason({ code: "Evicted", message: "memory", strike: 2, until: NOW - 100_000 }),
);
const time = fc.integer({ min: -4000, max: 0 });
const pods = fc.record(
  {
    uid: fc.constantFrom("uid-1", "uid-2"),
    phase: fc.constantFrom("Pending", "Running", "Running", "Succeeded", "Failed", "Unknown"),
    ready: fc.boolean(),
    created: time.map((seconds) => NOW + seconds * 1000),
    deleted: fc.constant(NOW),
    failure: fc.record(
      {
        code: fc.constantFrom("Unschedulable", "Evicted", "ImagePullBackOff", "NodeLost"),
        message: fc.constant("why"),
        since: time.map((seconds) => NOW + seconds * 1000),
        isEarliest: fc.constant(true),
        lastEnd: time.map((seconds) => NOW + seconds * 1000),
      },
      { requiredKeys: ["code", "message", "since"] },
    ),
  },
  { requiredKeys: ["uid", "phase", "ready", "created"] },
) as fc.Arbitrary<NonNullable<GivenWorker["pod"]>>;
const state = fc
  .tuple(
    fc.constantFrom("IDLE", "ALLOCATED", "MIXED", "DOWN", "FUTURE", "UNKNOWN"),
    fc.constantFrom("CLOUD", "CLOUD", "CLOUD", "DYNAMIC_NORM"),
    fc.oneof({ weight: 3, arbitrary: fc.subarray(POWER, { maxLength: 1 }) }, fc.subarray(POWER)),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.subarray([...LEFT_ALONE, "RESERVED", "PLANNED", "NEW_FLAG"]),
    ),
    fc.subarray(["NOT_RESPONDING"]),
  )
  .map((parts) => parts.flat().join("+"));
const workers = fc.record(
  {
    group: fc.constantFrom("cpu", "cpu", "gpu", null),
    state,
    node: fc.record(
      {
        bootTime: time.map((seconds) => NOW / 1000 + seconds),
        reason: reasons,
        reasonTime: fc.constant(NOW / 1000 - 500),
      },
      { requiredKeys: [] },
    ),
    pod: pods,
    wanted: fc.boolean(),
    unwanted: fc.boolean(),
    available: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<GivenWorker>;
const snapshots = fc
  .array(workers, { minLength: 1, maxLength: 6 })
  .map((given) => given.map((worker, index) => ({ ...worker, name: `demo-worker-cpu-${index}` })))
  .map((given) => makeSnapshot(...given));

/** All actions of rounds ten seconds and then ten minutes apart, with the worker that each was decided on. */
function allRounds(
  seen: readonly Snapshot[],
): { readonly round: number; readonly action: Action; readonly worker: Worker }[] {
  let memory: Memory = emptyMemory;
  return seen
    .flatMap((snapshot) => [snapshot, snapshot, snapshot])
    .flatMap((snapshot, round) => {
      const seconds = Math.floor(round / 3) * 1000 + ([0, 10, 610][round % 3] ?? 0);
      const decision = decide(snapshot, memory, SETTINGS, NOW + seconds * 1000);
      memory = decision.memory;
      return decision.actions.map((action) => {
        const worker = snapshot.workers.get(action.node);
        if (worker === undefined) throw new Error(`${action.node} is not in the snapshot`);
        return { round, action, worker };
      });
    });
}

function has({ node }: Worker, ...flags: readonly string[]): boolean {
  return flags.some((flag) => node?.state.has(flag) === true);
}

describe("over random snapshots", () => {
  test("a Pod is only ended when Slurm has powered its node down or does not know it, or the Pod or node has failed", () => {
    fc.assert(
      fc.property(fc.array(snapshots, { minLength: 1, maxLength: 3 }), (seen) => {
        const all = allRounds(seen);
        for (const { round, action, worker } of all) {
          if (action.kind !== "suspend" && action.kind !== "delete-pod") continue;
          const { node, pod } = worker;
          const setDown = all.some(
            (other) => other.round === round && other.worker === worker && other.action.kind === "set-down",
          );
          const parked =
            has(worker, "POWERED_DOWN", "POWERING_DOWN") &&
            !has(worker, "POWERING_UP", "POWER_UP", "ALLOCATED", "MIXED");
          const failedBefore = has(worker, "DOWN") && node?.reason?.startsWith("power-agent: ") === true;
          const staleBoot =
            action.kind === "delete-pod" && has(worker, "POWERING_UP") && pod?.uid === action.uid && pod.ready;
          expect(node === undefined || parked || setDown || failedBefore || staleBoot).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("a node is only set DOWN when its Pod has failed it, or when it is idle and powered down", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        for (const { action, worker } of allRounds([snapshot])) {
          if (action.kind !== "set-down") continue;
          const { node, pod } = worker;
          expect(has(worker, "DOWN", "FUTURE")).toBe(false);
          const gone = pod === undefined || pod.deleted !== undefined;
          const lost = gone || pod.phase === "Failed" || pod.phase === "Succeeded";
          const booting = has(worker, "POWERING_UP") && (gone || pod.failure !== undefined || pod.ready);
          const replaced = pod !== undefined && node?.bootTime !== undefined && pod.created / 1000 > node.bootTime;
          const up = !has(worker, ...POWER);
          const idle = has(worker, "IDLE") && has(worker, "POWERED_DOWN") && pod === undefined;
          expect(booting || (up && (lost || replaced)) || idle).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("what an admin holds, or Slurm is busy with, is never changed, nor its Pod ended", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        for (const { action, worker } of allRounds([snapshot])) {
          if (!has(worker, ...LEFT_ALONE, "FUTURE")) continue;
          // Where Slurm waits for a Pod that is lost, it waits in vain.
          const inVain = !has(worker, ...HELD, "FUTURE") && action.rule === "vanished-pod";
          if (!inVain) expect(["resume", "forget"]).toContain(action.kind);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("DOWN with a Reason that is not ours is never undone", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        for (const { action, worker } of allRounds([snapshot])) {
          const { reason = "" } = worker.node ?? {};
          if (!has(worker, "DOWN") || reason.startsWith("power-agent: ") || reason === "ResumeTimeout reached")
            continue;
          // slurmctld's own words too, once what did not respond is gone: until then it may answer again (decision 8).
          const isGone = has(worker, "POWERED_DOWN") && !has(worker, "POWERING_DOWN", "POWERING_UP", "POWER_UP");
          if (reason === "Not responding" && isGone && worker.pod === undefined) continue;
          expect(["resume", "suspend", "forget"]).toContain(action.kind);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("a worker gets one action in a round, or is set DOWN and withdrawn", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        for (const [, steps] of Map.groupBy(allRounds([snapshot]), ({ round, worker }) => `${round} ${worker.name}`)) {
          const kinds = steps.map(({ action }) => action.kind);
          if (kinds.length > 1) expect(kinds).toEqual(["set-down", "suspend"]);
          expect(new Set(steps.map(({ action }) => action.rule)).size).toBe(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("the same rounds give the same actions, and nothing given is changed", () => {
    fc.assert(
      fc.property(fc.array(snapshots, { minLength: 1, maxLength: 3 }), (seen) => {
        const before = structuredClone(seen);
        const first = allRounds(seen);
        expect(seen).toEqual(before);
        expect(allRounds(before).map(({ action }) => action)).toEqual(first.map(({ action }) => action));
      }),
      { numRuns: 200 },
    );
  });

  test("a working node is at most taken into the lists", () => {
    const working = fc.tuple(
      fc.constantFrom("IDLE", "ALLOCATED", "MIXED"),
      fc.subarray(["NOT_RESPONDING", ...LEFT_ALONE, "RESERVED"]),
      fc.boolean(),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(working, { maxLength: 20 }), (given) => {
        const snapshot = makeSnapshot(
          ...given.map(([base, flags, wanted, unwanted], index) => ({
            name: `demo-worker-cpu-${index}`,
            state: [base, "CLOUD", ...flags].join("+"),
            pod: {},
            wanted,
            unwanted,
          })),
        );
        for (const { action } of allRounds([snapshot])) expect(action.kind).toBe("resume");
      }),
    );
  });
});
