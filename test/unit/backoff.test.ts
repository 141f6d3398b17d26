import fc from "fast-check";
import { expect, test } from "vitest";
import { backoff } from "../../src/kubernetes/backoff.ts";

test("waits are spread over a bound that doubles up to two seconds", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 100].map((attempt) => backoff(attempt, 0.999_999, undefined))).toEqual([
    50, 100, 200, 400, 800, 1600, 2000, 2000, 2000,
  ]);
  expect(backoff(5, 0, undefined)).toBe(0);
});

test("what the server asked for is waited at least, and spread", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.nat(10_000),
      (attempt, random, retryAfter) => {
        const wait = backoff(attempt, random, retryAfter);
        expect(wait).toBeGreaterThanOrEqual(retryAfter);
        expect(wait).toBeLessThanOrEqual(retryAfter + 2000);
      },
    ),
  );
});
