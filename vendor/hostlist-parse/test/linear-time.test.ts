import { expandHostlist, foldHostlist, HostlistError } from "hostlist-parse";
import { describe, expect, test } from "vitest";

/** Milliseconds that `run` takes. A malformed expression takes its time, too. */
function measure(run: () => unknown): number {
  const start = performance.now();
  try {
    run();
  } catch (error) {
    if (!(error instanceof HostlistError)) throw error;
  }
  return performance.now() - start;
}

/** A small deterministic sequence that looks random, without repeats below 2^20: odd multipliers permute modulo 2^n. */
function scatter(index: number): number {
  return (index * 644_245) % 1_048_576;
}

const name = (index: number): string => `n${scatter(index)}`;
const list = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join();
const names = (count: number, item: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => item(i));

/** Ten times the input: 10 times the time, up to 12 for sorting; 100 times if quadratic. */
const EXPANDED: ReadonlyArray<readonly [title: string, small: number, expression: (size: number) => string]> = [
  ["commas", 30_000, (size) => ",".repeat(size)],
  ["names", 5_000, (size) => list(size, name)],
  ["opening brackets", 10_000, (size) => "[".repeat(size)],
  ["opening brackets in names", 10_000, (size) => "a[,".repeat(size)],
  ["closing brackets", 30_000, (size) => "]".repeat(size)],
  ["closing before opening brackets", 10_000, (size) => "]a[1,".repeat(size)],
  ["opening brackets and one closing", 10_000, (size) => `${"[".repeat(size)}1]`],
  ["tokens with a bracket", 3_000, (size) => list(size, (index) => `a[${index}]`)],
  ["brackets of one number", 3_000, (size) => `a${"[1]".repeat(size)}`],
  ["as many brackets of one number as the first has", 1_000, (size) => `a[1-${size}]${"[1]".repeat(size)}`],
  ["items", 5_000, (size) => `a[${list(size, () => "1")}]`],
  ["digits of one name", 100_000, (size) => `a${"0".repeat(size)}1`],
  ["digits of one bound", 100_000, (size) => `a[${"0".repeat(size)}1-2]`],
  ["digits that are too many", 100_000, (size) => `a[${"1".repeat(size)}]`],
  ["blanks before a number", 100_000, (size) => `a[${" ".repeat(size)}1]`],
];

const FOLDED: ReadonlyArray<readonly [title: string, small: number, names: (size: number) => string[]]> = [
  ["consecutive names", 5_000, (size) => names(size, (index) => `n${index}`)],
  ["scattered names", 5_000, (size) => names(size, name)],
  ["names of many widths", 200, (size) => names(size, (index) => `n${"0".repeat(index % 300)}${index}`)],
  ["names of many prefixes", 1_000, (size) => names(size, (index) => `r${scatter(index)}-1`)],
  ["names without number", 1_000, (size) => names(size, (index) => `${scatter(index)}x`)],
  ["one name again and again", 10_000, (size) => names(size, () => "n1")],
  ["numbers beyond 2^53", 2_000, (size) => names(size, (index) => `n9${String(scatter(index)).padStart(17, "0")}`)],
];

/** Below this a clock and a scheduler say more than the program does. */
const MEASURABLE = 1;

/** Between what is linear, at most 12, and what is quadratic, 100. */
const LIMIT = 50;

/** Noise only ever adds, so the best of several rounds counts; a quadratic program takes 100 times as long in each of them. */
function expectLinear(runSmall: () => unknown, runLarge: () => unknown): void {
  let [small, large] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 12 && (round < 2 || large / Math.max(small, MEASURABLE) >= LIMIT); round++) {
    small = Math.min(small, measure(runSmall));
    large = Math.min(large, measure(runLarge));
  }
  expect(large / Math.max(small, MEASURABLE)).toBeLessThan(LIMIT);
}

describe("takes time in proportion to what it is given", () => {
  test.each(EXPANDED)("expanding %s", (_, size, expression) => {
    const [small, large] = [expression(size), expression(10 * size)];
    expectLinear(
      () => expandHostlist(small),
      () => expandHostlist(large),
    );
  });

  test.each(FOLDED)("folding %s", (_, size, make) => {
    const [small, large] = [make(size), make(10 * size)];
    for (const sort of [false, true]) {
      expectLinear(
        () => foldHostlist(small, { sort }),
        () => foldHostlist(large, { sort }),
      );
    }
  });
});
