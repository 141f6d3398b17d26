import { describe, expect, test } from "vitest";
import { createChanges } from "../../../src/operator/control/changes.ts";
import { childrenHash, untilChildren } from "../../../src/operator/control/children.ts";
import { createFailureBackOff } from "../../../src/operator/control/failure-back-off.ts";
import { createGate } from "../../../src/operator/control/gate.ts";
import { runLoop } from "../../../src/operator/control/loop.ts";
import { createRateLimit } from "../../../src/operator/control/rate-limit.ts";
import { slowStart } from "../../../src/operator/control/slow-start.ts";

/** A clock that moves when somebody sleeps. */
function fakeClock() {
  let now = 0;
  return {
    now: () => now,
    advance: (milliseconds: number) => {
      now += milliseconds;
    },
    sleep: async (milliseconds: number, signal: AbortSignal) => {
      await Promise.resolve();
      if (!signal.aborted) now += milliseconds;
    },
  };
}

describe("the rate limit", () => {
  const open = new AbortController().signal;
  test("lets a burst through and then so many a second", async () => {
    const clock = fakeClock();
    const limit = createRateLimit({ rate: 20, burst: 30, ...clock });
    for (let taken = 0; taken < 30; taken += 1) await limit.take(open);
    expect(clock.now()).toBe(0);
    for (let taken = 0; taken < 20; taken += 1) await limit.take(open);
    expect(clock.now()).toBe(1000);
    clock.advance(60_000);
    const before = clock.now();
    for (let taken = 0; taken < 30; taken += 1) await limit.take(open);
    expect(clock.now()).toBe(before);
    await limit.take(open);
    expect(clock.now()).toBe(before + 50);
  });
  test("lets nothing through for as long as the API asks", async () => {
    const clock = fakeClock();
    const limit = createRateLimit({ rate: 20, burst: 30, ...clock });
    limit.pause(5000);
    limit.pause(1000);
    await limit.take(open);
    expect(clock.now()).toBe(5000);
  });
  test("gives no turn that would be too late, and takes none for it", async () => {
    const clock = fakeClock();
    const limit = createRateLimit({ rate: 20, burst: 30, ...clock });
    for (let taken = 0; taken < 40; taken += 1) await limit.take(open);
    expect(clock.now()).toBe(500);
    expect(await limit.take(open, 540)).toBe(550);
    expect(clock.now()).toBe(500);
    expect(await limit.take(open, 550)).toBe(550);
    limit.pause(60_000);
    expect(await limit.take(open, 5550)).toBe(60_550);
    expect(clock.now()).toBe(550);
  });
  test("tells one that a pause has made too late while it waited", async () => {
    const clock = fakeClock();
    const limit = createRateLimit({ rate: 1, burst: 1, ...clock });
    await limit.take(open);
    const waiting = limit.take(open, 5000);
    limit.pause(60_000);
    expect(await waiting).toBe(60_000);
    expect(clock.now()).toBe(1000);
  });
  test("ends with the signal", async () => {
    const limit = createRateLimit({ rate: 1, burst: 1, ...fakeClock() });
    limit.pause(1_000_000);
    await limit.take(AbortSignal.abort());
  });
});

test("the gate lets so many through at once, in order; one that fails makes place too", async () => {
  const gate = createGate(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 4 }, () => Promise.withResolvers<number>());
  const enter = (index: number) =>
    gate(() => {
      begun.push(index);
      return ends[index]?.promise ?? Promise.resolve(index);
    });
  const all = Promise.allSettled([0, 1, 2, 3].map(enter));
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1]);
  ends[1]?.reject(new Error("no"));
  // Asks when a place has just been handed on.
  const late = enter(4);
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2]);
  for (const [index, end] of ends.entries()) end.resolve(index);
  expect((await all).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(await late).toBe(4);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(await enter(5)).toBe(5);
});

describe("slow start", () => {
  const batches = async (count: number, fails: (item: number) => boolean) => {
    const sizes: number[] = [];
    let open = 0;
    const done = await slowStart(
      Array.from({ length: count }, (_, index) => index),
      async (item) => {
        open += 1;
        await Promise.resolve();
        if (open > 0) sizes.push(open);
        open = 0;
        return !fails(item);
      },
    );
    return { sizes, done };
  };
  test("1, 2, 4 …, the rest", async () => {
    expect(await batches(12, () => false)).toEqual({ sizes: [1, 2, 4, 5], done: 12 });
  });
  test("one is tried where all fail", async () =>
    expect(await batches(100, () => true)).toEqual({ sizes: [1], done: 0 }));
  test("no batch after one with a failure", async () => {
    expect(await batches(100, (item) => item === 4)).toEqual({ sizes: [1, 2, 4], done: 6 });
  });
  test("nothing to do", async () => expect(await batches(0, () => true)).toEqual({ sizes: [], done: 0 }));
});

describe("failures", () => {
  test("are left alone for 1 s, 2 s, 4 s … 5 min, each key by itself, until one succeeds", () => {
    const clock = fakeClock();
    const backOff = createFailureBackOff(clock.now);
    expect(backOff.blocked("a")).toBeUndefined();
    const waits = Array.from({ length: 10 }, (_, index) => {
      backOff.fail("a", `failure ${index}`);
      const blocked = backOff.blocked("a");
      expect(blocked?.message).toBe(`failure ${index}`);
      clock.advance(blocked?.wait ?? 0);
      expect(backOff.blocked("a")).toBeUndefined();
      return blocked?.wait;
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000]);
    expect(backOff.blocked("b")).toBeUndefined();
    backOff.succeed("a");
    backOff.fail("a", "again");
    expect(backOff.blocked("a")?.wait).toBe(1000);
  });
  test("are left alone no longer than asked for", () => {
    const clock = fakeClock();
    const backOff = createFailureBackOff(clock.now, 5000);
    const waits = Array.from({ length: 5 }, () => {
      backOff.fail("a", "x");
      return backOff.blocked("a")?.wait;
    });
    expect(waits).toEqual([1000, 2000, 4000, 5000, 5000]);
  });
  test("long ago count no more", () => {
    const clock = fakeClock();
    const backOff = createFailureBackOff(clock.now);
    for (let count = 0; count < 5; count += 1) backOff.fail("a", "x");
    clock.advance(600_001);
    backOff.fail("a", "x");
    expect(backOff.blocked("a")?.wait).toBe(1000);
  });
});

test("children are looked at when they are to be others, soon after a refusal, sooner for what was too late, else every 30 seconds", () => {
  const hash = childrenHash({ wanted: [], unwanted: [] });
  const state = { hash, at: 1000, refusals: [], versions: new Map(), again: Number.POSITIVE_INFINITY };
  expect(untilChildren(undefined, hash, false, 1000)).toBe(0);
  expect(untilChildren({ ...state, hash: "other" }, hash, false, 1000)).toBe(0);
  expect(untilChildren(state, hash, false, 1000)).toBe(30_000);
  expect(untilChildren(state, hash, true, 1000)).toBe(15_000);
  expect(untilChildren({ ...state, refusals: ["no"] }, hash, false, 2000)).toBe(14_000);
  expect(untilChildren({ ...state, again: 4000 }, hash, false, 1000)).toBe(4000);
  expect(untilChildren(state, hash, false, 900_000)).toBe(0);
});

describe("the loop", () => {
  /** Runs it until `until` says so, with looks that take as long as they are told. */
  async function loop(options: {
    readonly look: (key: string, changed: () => void) => Promise<number>;
    readonly doubt?: (turn: number) => string | undefined;
    readonly turns: number;
  }) {
    const clock = fakeClock();
    const ending = new AbortController();
    const said: string[] = [];
    let turn = 0;
    const changes = createChanges(clock.sleep);
    await runLoop({
      clusters: () => ["n/a", "n/b"],
      doubt: () => options.doubt?.(turn),
      look: (key) => options.look(key, changes.mark),
      changes,
      sleep: clock.sleep,
      signal: ending.signal,
      now: clock.now,
      log: { warn: (message) => said.push(message), info: (message) => said.push(message) },
      onTick: () => {
        turn += 1;
        if (turn >= options.turns) ending.abort();
      },
    });
    return { said, now: clock.now() };
  }

  test("looks at each cluster once, and again when its time has come", async () => {
    const looked: string[] = [];
    await loop({
      turns: 200,
      look: async (key) => {
        looked.push(key);
        return looked.length > 6 ? 1_000_000_000 : 30_000;
      },
    });
    expect(looked).toEqual(["n/a", "n/b", "n/a", "n/b", "n/a", "n/b", "n/a", "n/b"]);
  });

  test("a change during a look is looked at after it; one cluster does not wait for another, nor is looked at twice at once", async () => {
    const looks = { "n/a": 0, "n/b": 0 };
    const endless = Promise.withResolvers<number>();
    await loop({
      turns: 100,
      look: async (key, changed) => {
        looks[key as keyof typeof looks] += 1;
        if (key === "n/b") {
          setImmediate(() => endless.resolve(1_000_000));
          return await endless.promise;
        }
        if (looks["n/a"] < 5) changed();
        return 1_000_000;
      },
    });
    expect(looks["n/a"]).toBe(5);
    expect(looks["n/b"]).toBeLessThanOrEqual(2);
  });

  test("nothing is looked at while the watches cannot be believed, and that is said once", async () => {
    const looked: number[] = [];
    let turns = 0;
    const { said } = await loop({
      turns: 30,
      doubt: (turn) => {
        turns = turn;
        return turn < 10 ? "Pods cannot be watched: no answer" : undefined;
      },
      look: async () => {
        looked.push(turns);
        return 1_000_000_000;
      },
    });
    expect(said).toEqual(["nothing is done: Pods cannot be watched: no answer", "goes on"]);
    expect(looked.every((turn) => turn >= 10)).toBe(true);
    expect(looked).toHaveLength(2);
  });
});
