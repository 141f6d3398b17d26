import { describe, expect, test } from "vitest";
import type { Action } from "../../../src/copilot/action.ts";
import { capActions } from "../../../src/copilot/blast-radius.ts";
import { copilotSettings } from "../../../src/copilot/settings.ts";
import type { Snapshot, Worker } from "../../../src/copilot/snapshot.ts";
import type { WorkerPod } from "../../../src/kubernetes/worker-pods.ts";

/** A cluster of `pods` workers with a Pod and as many without. */
function snapshot(pods: number): Snapshot {
  const worker = (index: number): Worker => ({
    name: `n${index}`,
    wanted: false,
    unwanted: false,
    available: false,
    ...(index < pods && { pod: { name: `n${index}`, uid: `u${index}`, phase: "Running", ready: true, created: 0 } }),
  });
  const workers = new Map(Array.from({ length: 2 * pods }, (_, index) => [`n${index}`, worker(index)]));
  return { cluster: "demo", workers, shortestSuspendTimeout: 120 };
}

const act = (kind: "resume" | "suspend" | "forget", index: number): Action => ({
  kind,
  node: `n${index}`,
  rule: "r",
  code: "PodGone",
  message: "m",
});
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const settings = copilotSettings({}, 600);
const none: ReadonlySet<string> = new Set();

describe("capActions", () => {
  test.each([
    [20, 10, true],
    [20, 11, false],
    [100, 20, true],
    [100, 21, false],
    [3, 3, true],
  ])("of %i Pods, ending %i at once is allowed: %s", (pods, ended, allowed) => {
    const actions = range(0, ended).map((index) => act("suspend", index));
    expect(capActions(actions, snapshot(pods), settings, none).allowed).toEqual(allowed ? actions : []);
  });

  test("over the limit none is ended, and what ends nothing goes on", () => {
    const ending = range(0, 15).map((index) => act("suspend", index));
    const harmless = [act("resume", 16), act("forget", 17), act("suspend", 35)];
    const { allowed, heldBack, limit } = capActions([...ending, ...harmless], snapshot(20), settings, none);
    expect(allowed).toEqual(harmless);
    expect(heldBack).toEqual(ending);
    expect(limit).toBe(10);
  });

  test("Pods that have not begun or have ended lose nothing and do not count", () => {
    const { cluster, workers, shortestSuspendTimeout } = snapshot(20);
    const pending = [...workers.values()].map((worker) => ({
      ...worker,
      ...(worker.pod && { pod: { ...worker.pod, phase: "Pending" as const } }),
    }));
    const waiting = {
      cluster,
      shortestSuspendTimeout,
      workers: new Map(pending.map((worker) => [worker.name, worker])),
    };
    const actions = range(0, 20).map((index) => act("suspend", index));
    expect(capActions(actions, waiting, settings, none).allowed).toEqual(actions);
  });

  test.each<[string, Partial<WorkerPod>]>([
    ["that others are ending", { deleted: 1 }],
    ["that have ended", { phase: "Failed" }],
  ])("Pods %s have lost their jobs already and do not count", (_which, difference) => {
    const { workers, ...rest } = snapshot(20);
    const ending = [...workers].map(([name, worker]): [string, Worker] => [
      name,
      worker.pod === undefined ? worker : { ...worker, pod: { ...worker.pod, ...difference } },
    ]);
    const actions = range(0, 20).map((index) => act("suspend", index));
    expect(capActions(actions, { ...rest, workers: new Map(ending) }, settings, none).allowed).toEqual(actions);
  });

  test("nodes that are up and would be set DOWN because no Pod of theirs is seen count", () => {
    const { cluster, workers, shortestSuspendTimeout } = snapshot(20);
    const node = (name: string) => ({ name, state: new Set(["ALLOCATED", "CLOUD"]), partitions: ["main"] });
    const up = {
      cluster,
      shortestSuspendTimeout,
      workers: new Map([...workers].map(([name, worker]) => [name, { ...worker, node: node(name) }])),
    };
    const down = (index: number): Action => ({
      kind: "set-down",
      node: `n${index}`,
      rule: "r",
      code: "PodGone",
      message: "m",
      strike: 1,
      until: 0,
    });
    const unseen = range(20, 31).map(down);
    expect(capActions(unseen, up, settings, none).allowed).toEqual([]);
    const seen = range(0, 11).map(down);
    expect(capActions(seen, up, settings, none).allowed).toEqual(seen);
    // Of all of them but ten the API itself says that their Pod is gone.
    const gone = (many: number): ReadonlySet<string> => new Set(range(20, 20 + many).map((index) => `n${index}`));
    const rack = range(20, 40).map(down);
    expect(capActions(rack, up, settings, gone(10)).allowed).toEqual(rack);
    expect(capActions(rack, up, settings, gone(9)).allowed).toEqual(rack.slice(0, 9));
  });

  test("what goes with a Pod that is not ended is held back too", () => {
    const ending = range(0, 15).map((index) => act("suspend", index));
    const down: Action = {
      kind: "set-down",
      node: "n3",
      rule: "r",
      code: "PodGone",
      message: "m",
      strike: 1,
      until: 0,
    };
    expect(capActions([down, ...ending], snapshot(20), settings, none).allowed).toEqual([]);
  });
});
