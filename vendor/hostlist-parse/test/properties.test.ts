import fc from "fast-check";
import { expandHostlist, foldHostlist, HostlistError } from "hostlist-parse";
import { describe, expect, test } from "vitest";
import { hostilePieces, hostlists, hostNames } from "./arbitraries.ts";

describe("properties", () => {
  test("expanding what was folded gives the names back", () => {
    fc.assert(
      fc.property(fc.array(hostNames()), (names) => {
        expect(expandHostlist(foldHostlist(names))).toEqual(names);
      }),
      { numRuns: 1000 },
    );
  });

  test("folding sorted gives the same names, the same for any order of them", () => {
    const shuffled = fc
      .array(hostNames())
      .chain((names) => fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })));
    fc.assert(
      fc.property(shuffled, ([names, others]) => {
        const sorted = foldHostlist(names, { sort: true });
        expect(expandHostlist(sorted).sort()).toEqual(names.toSorted());
        expect(foldHostlist(others, { sort: true })).toBe(sorted);
        expect(foldHostlist(expandHostlist(sorted))).toBe(sorted);
      }),
      { numRuns: 500 },
    );
  });

  test("expanding is joining what each token expands to", () => {
    fc.assert(
      fc.property(fc.array(hostlists()), fc.constantFrom(",", " ", "\n", "\t", ",,", ", \n"), (parts, separator) => {
        expect(expandHostlist(parts.join(separator))).toEqual(parts.flatMap((part) => expandHostlist(part)));
      }),
      { numRuns: 200 },
    );
  });

  test("any text gives names or an error that points into it", () => {
    const text = fc.oneof(hostilePieces(), fc.string());
    fc.assert(
      fc.property(text, (expression) => {
        try {
          expect(expandHostlist(expression)).not.toContain("");
        } catch (error) {
          if (!(error instanceof HostlistError)) throw error;
          expect(error.expression).toBe(expression);
          expect(error.position).toBeGreaterThanOrEqual(0);
          expect(error.position).toBeLessThan(expression.length);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
