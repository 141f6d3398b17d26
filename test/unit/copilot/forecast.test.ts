import fc from "fast-check";
import { expect, test } from "vitest";
import { decide, emptyMemory } from "../../../src/copilot/decide.ts";
import { forecast } from "../../../src/copilot/inspect/forecast.ts";
import type { Snapshot } from "../../../src/copilot/snapshot.ts";
import { formatReason } from "../../../src/slurm/own-reason.ts";
import { actionText, type GivenWorker, makeSnapshot, minutesAgo, NOW, SETTINGS } from "../../support/copilot.ts";

const UP = "IDLE+CLOUD";
const POWERING_UP = "ALLOCATED+CLOUD+POWERING_UP";
const DOWN = "DOWN+CLOUD+POWERED_DOWN";

function reason(until: number): { reason: string } {
  return { reason: `power-agent: PodGone: is up and has no Pod [strike 1 until ${new Date(until).toISOString()}]` };
}

/** The next step of the one worker, as seconds from now and what, by a copilot that has seen the same for so many seconds. */
function next(given: GivenWorker, seenFor = 0): string {
  const snapshot = makeSnapshot(given);
  const { memory } = decide(snapshot, emptyMemory, SETTINGS, NOW - seenFor * 1000);
  return nextOf(snapshot, memory)[0] ?? "nothing";
}

function nextOf(snapshot: Snapshot, memory = emptyMemory): string[] {
  const steps = forecast(snapshot, memory, SETTINGS, NOW);
  return [...steps].map(([, { at, actions, heldBack }]) => {
    const what = actions.map(({ kind }) => kind).join("+");
    return `${Math.round((at - NOW) / 1000)} ${what}${heldBack ? " held back" : ""}`;
  });
}

// The times are those of the rules' own tests: 60 s for a Pod that fails or does not register, 5 s to settle, 300 s for an unknown one.
test.each<[string, GivenWorker, number, string]>([
  ["all is well", { state: UP, pod: {}, wanted: true }, 60, "nothing"],
  [
    "a Pod has failed for 20 s",
    {
      state: POWERING_UP,
      wanted: true,
      pod: { ready: false, phase: "Pending", failure: { code: "ImagePullBackOff", message: "", since: NOW - 20_000 } },
    },
    0,
    "40 set-down+suspend",
  ],
  ["a slurmd has not registered for 10 s", { state: POWERING_UP, wanted: true, pod: {} }, 10, "50 delete-pod"],
  ["nobody has seen a lost resume before", { state: UP, pod: {} }, 0, "5 resume"],
  ["a lost resume was seen 60 s ago", { state: UP, pod: {} }, 60, "0 resume"],
  ["a back-off ends in 100 s", { state: DOWN, node: reason(NOW + 100_000) }, 0, "100 return"],
  ["a back-off of a day", { state: DOWN, node: reason(NOW + 86_400_000) }, 0, "86400 return"],
  ["a Pod without a node was made four minutes ago", { pod: { created: minutesAgo(4) } }, 240, "60 suspend"],
  ["an admin's DRAIN", { state: "IDLE+CLOUD+DRAIN", node: { reason: "disk" }, pod: {}, wanted: true }, 60, "nothing"],
])("%s", (_what, given, seenFor, expected) => {
  expect(next(given, seenFor)).toBe(expected);
});

test("each worker has its own time, also where they lie close together", () => {
  const workers = [7, 8, 300, 301, 1000].map((seconds, index) => {
    return { name: `demo-worker-cpu-${index}`, state: DOWN, node: reason(NOW + seconds * 1000) };
  });
  expect(nextOf(makeSnapshot(...workers))).toEqual(
    expect.arrayContaining(["7 return", "8 return", "300 return", "301 return", "1000 return"]),
  );
});

const seconds = fc.integer({ min: -200, max: 2000 });
const until = seconds.map((after) => NOW + after * 1000);
const down = fc
  .tuple(fc.constantFrom("Unschedulable", "PodGone", "CapacityBackOff"), fc.integer({ min: 1, max: 5 }), until)
  .map(([code, strike, end]) => formatReason({ code, message: "why", strike, until: end }));
/** Workers about which some rule has something to say, now or later. */
const workers: fc.Arbitrary<GivenWorker> = fc.oneof(
  down.map((text) => ({ state: DOWN, node: { reason: text } })),
  seconds.map((since) => ({
    state: POWERING_UP,
    wanted: true,
    pod: { ready: false, failure: { code: "ImagePullBackOff" as const, message: "", since: NOW - since * 1000 } },
  })),
  fc.constantFrom(
    { state: POWERING_UP, wanted: true },
    { state: POWERING_UP, wanted: true, pod: {} },
    { state: UP, pod: {} },
    { state: UP, wanted: true },
    { state: "IDLE+CLOUD+POWERED_DOWN" },
    { state: "IDLE+CLOUD+POWERED_DOWN", pod: {} },
    { state: "IDLE+CLOUD+POWERED_DOWN", unwanted: true },
  ),
  seconds.map((age) => ({ pod: { created: NOW - age * 1000 } })),
);

test("what is foretold is what the rules say of all workers together: nothing a second before, the same steps then", () => {
  fc.assert(
    fc.property(fc.array(workers, { minLength: 1, maxLength: 8 }), fc.nat(300), (given, seenFor) => {
      const named = given.map((worker, index) => ({ ...worker, name: `demo-worker-cpu-${index}` }));
      const snapshot = makeSnapshot(...named);
      const { memory } = decide(snapshot, emptyMemory, SETTINGS, NOW - seenFor * 1000);
      const { memory: now } = decide(snapshot, memory, SETTINGS, NOW);
      const about = (name: string, time: number): string[] =>
        decide(snapshot, time === NOW ? memory : now, SETTINGS, time)
          .actions.filter(({ node }) => node === name)
          .map(actionText);
      const steps = forecast(snapshot, memory, SETTINGS, NOW);
      for (const { name } of named) {
        const step = steps.get(name);
        if (step === undefined) {
          for (const later of [0, 10, 100, 1000, 10_000]) expect(about(name, NOW + later * 1000)).toEqual([]);
        } else {
          expect(about(name, step.at)).toEqual(step.actions.map(actionText));
          if (step.at > NOW) expect(about(name, step.at - 1000)).toEqual([]);
        }
      }
    }),
  );
});

test("what is due and too much at once is held back", () => {
  const workers = Array.from({ length: 11 }, (_, index) => {
    return { name: `demo-worker-cpu-${index}`, state: "IDLE+CLOUD+POWERED_DOWN", node: { bootTime: 1 }, pod: {} };
  });
  const snapshot = makeSnapshot(...workers);
  const { memory } = decide(snapshot, emptyMemory, SETTINGS, NOW - 60_000);
  expect(nextOf(snapshot, memory)).toEqual(Array(11).fill("0 suspend held back"));
});
