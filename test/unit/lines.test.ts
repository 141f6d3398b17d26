import fc from "fast-check";
import { expect, test } from "vitest";
import { createLineSplitter } from "../../src/kubernetes/lines.ts";

/** Cuts a buffer at these places. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
}

test("wherever the chunks end, also inside a character, the lines are the same", () => {
  const line = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", ""));
  fc.assert(
    fc.property(fc.array(line), line, fc.array(fc.nat()), (lines, begun, places) => {
      const whole = Buffer.from(lines.map((text) => `${text}\n`).join("") + begun);
      const split = createLineSplitter(1_000_000);
      expect(cut(whole, places).flatMap(split)).toEqual(lines.filter((text) => text !== ""));
    }),
  );
});

test("a line may be as long as the limit and not longer, whether its end is there or not", () => {
  expect(createLineSplitter(4)(Buffer.from("four\nfour\n"))).toEqual(["four", "four"]);
  expect(() => createLineSplitter(4)(Buffer.from("fiver\n"))).toThrow(/longer than 4 bytes/);
  const split = createLineSplitter(4);
  expect(split(Buffer.from("fou"))).toEqual([]);
  expect(() => split(Buffer.from("rs"))).toThrow(/longer than 4 bytes/);
});

test("16 MB in small chunks are put together once, not once a chunk", () => {
  const split = createLineSplitter(17_000_000);
  const chunk = Buffer.alloc(1600, "x");
  const started = performance.now();
  for (let count = 0; count < 10_000; count += 1) split(chunk);
  expect(split(Buffer.from("\n"))[0]).toHaveLength(16_000_000);
  // Copying at each chunk would move 80 GB, half a minute's work.
  expect(performance.now() - started).toBeLessThan(5000);
});
