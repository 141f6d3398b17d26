import { expandHostlist, HostlistError } from "hostlist-parse";
import { describe, expect, test } from "vitest";
import { AS_SLURM } from "./expand-cases/as-slurm.ts";
import { STRICTER } from "./expand-cases/errors.ts";
import type { ExpandCase } from "./expand-cases/expand-case.ts";

/** What `expandHostlist` makes of an expression, in the form of a case. */
function outcome(expression: string, options?: { limit: number }): ExpandCase {
  try {
    return [expression, expandHostlist(expression, options)];
  } catch (error) {
    if (!(error instanceof HostlistError)) throw error;
    expect(error.expression).toBe(expression);
    return [expression, error.position, error.reason];
  }
}

describe("expandHostlist", () => {
  test.each(AS_SLURM)("%j", (...expected) => {
    expect(outcome(expected[0])).toEqual(expected);
  });

  test.each(STRICTER)("stricter than Slurm: %j", (...expected) => {
    expect(outcome(expected[0])).toEqual(expected);
  });

  test("a full item, and several of them", () => {
    const names = expandHostlist("n[0-65535],n[00000-65535]");
    expect(names).toHaveLength(2 * 65_536);
    expect([names[0], names[65_535], names[65_536], names[131_071]]).toEqual(["n0", "n65535", "n00000", "n65535"]);
  });

  test("a bracket takes 262,144 items and no more", () => {
    const expression = (items: number): string => `n[${Array(items).fill("7").join()}]`;
    expect(expandHostlist(expression(262_144))).toHaveLength(262_144);
    expect(outcome(expression(262_145)).slice(1)).toEqual([2 + 2 * 262_144, "a bracket may have at most 262144 items"]);
  });

  describe("limit", () => {
    test("is 1,048,576 hosts unless told otherwise", () => {
      expect(expandHostlist("a[0-15]b[0-65535]")).toHaveLength(1_048_576);
      const reason = "there are more hosts than the limit of 1048576";
      expect(outcome("x,a[0-15]b[0-65535]")).toEqual(["x,a[0-15]b[0-65535]", 2, reason]);
      expect(outcome("a[0-16]b[0-65535]")).toEqual(["a[0-16]b[0-65535]", 0, reason]);
    });

    test("is kept without making the hosts first", () => {
      const expression = "[0-65535]".repeat(1000);
      expect(outcome(expression)).toEqual([expression, 0, "there are more hosts than the limit of 1048576"]);
    });

    test.each([
      ["", 0, undefined],
      ["a", 1, undefined],
      ["a", 0, 0],
      ["a,b,a", 3, undefined],
      ["a,b,a", 2, 4],
      ["a[1-3]", 3, undefined],
      ["a[1-3]", 2, 0],
      ["a,b[1-3]", 3, 2],
      ["a[1-2]b[1-2]c", 4, undefined],
      ["a[1-2]b[1-2]c", 3, 0],
    ])("%j with limit %d: error at %s", (expression, limit, position) => {
      const [, second, reason] = outcome(expression, { limit });
      if (position === undefined) expect(second).toBeInstanceOf(Array);
      else expect([second, reason]).toEqual([position, `there are more hosts than the limit of ${limit}`]);
    });
  });
});

describe("HostlistError", () => {
  test("says everything in its message", () => {
    const error = new HostlistError("node[1-x]", 7, "a number is expected");
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("HostlistError");
    expect(error.message).toBe('a number is expected, at offset 7 of "node[1-x]"');
  });

  test("quotes only the neighbourhood in a long expression", () => {
    const error = new HostlistError(`${"a".repeat(1000)}!${"b".repeat(1000)}`, 1000, "no");
    expect(error.message).toBe(`no, at offset 1000 of "…${"a".repeat(40)}!${"b".repeat(79)}…"`);
    expect(error.expression).toHaveLength(2001);
  });
});
