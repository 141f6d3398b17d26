import { expandHostlist, foldHostlist, HostlistError } from "hostlist-parse";
import { describe, expect, test } from "vitest";
import { FOLD_CASES } from "./fold-cases.ts";

describe("foldHostlist", () => {
  test.each(FOLD_CASES)("$names", ({ names, hostlist, sorted = hostlist }) => {
    expect(foldHostlist(names.split(" "))).toBe(hostlist);
    expect(foldHostlist(names.split(" "), { sort: true })).toBe(sorted);
  });

  test("no names", () => {
    expect(foldHostlist([])).toBe("");
    expect(foldHostlist([], { sort: true })).toBe("");
  });

  test("any iterable", () => {
    expect(foldHostlist(new Set(["a1", "a2", "a1"]))).toBe("a[1-2]");
  });

  test.each([
    ["a9007199254740991 a9007199254740992 a9007199254740993", "a[9007199254740991-9007199254740993]"],
    ["a999999999999999 a1000000000000000", "a[999999999999999-1000000000000000]"],
    ["a0999999999999999 a1000000000000000", "a[0999999999999999-1000000000000000]"],
    ["a9007199254740993 a9007199254740992", "a[9007199254740993,9007199254740992]"],
    ["a18446744073709551614 a18446744073709551615", "a[18446744073709551614-18446744073709551615]"],
    ["a18446744073709551615 a0", "a[18446744073709551615,0]"],
  ])("numbers beyond 2^53 keep their digits: %s", (names, hostlist) => {
    expect(foldHostlist(names.split(" "))).toBe(hostlist);
    expect(expandHostlist(hostlist)).toEqual(names.split(" "));
  });

  test("numbers far apart are sorted by value", () => {
    const names = ["a18446744073709551615", "a5000000000", "a9007199254740993", "a9007199254740992", "a1"];
    const sorted = "a[1,5000000000,9007199254740992-9007199254740993,18446744073709551615]";
    expect(foldHostlist(names, { sort: true })).toBe(sorted);
  });

  test("sorting goes by the length of the number first, whatever is joined", () => {
    expect(foldHostlist(["a9", "a10", "a04"], { sort: true })).toBe("a[9,04,10]");
  });

  test("a range is split where Slurm would refuse it", () => {
    const names = Array.from({ length: 70_000 }, (_, index) => `n${index}`);
    expect(foldHostlist(names)).toBe("n[0-65535,65536-69999]");
  });

  test("a bracket is split where Slurm would refuse it", () => {
    const names = Array.from({ length: 262_146 }, (_, index) => `n${2 * index}`);
    const hostlist = foldHostlist(names);
    expect(hostlist.slice(-30)).toMatch(/,524286\],n\[524288,524290\]$/);
    expect(expandHostlist(hostlist).join()).toBe(names.join());
  });

  test.each([
    ["", 0, "a host name in a hostlist cannot be empty"],
    ["a,b", 1, 'a host name in a hostlist cannot have ","'],
    ["a[1", 1, 'a host name in a hostlist cannot have "["'],
    ["a]1", 1, 'a host name in a hostlist cannot have "]"'],
    ["[", 0, 'a host name in a hostlist cannot have "["'],
    ["a 1", 1, 'a host name in a hostlist cannot have " "'],
    ["a1 ", 2, 'a host name in a hostlist cannot have " "'],
    ["a\t", 1, 'a host name in a hostlist cannot have "\\t"'],
    ["\n", 0, 'a host name in a hostlist cannot have "\\n"'],
    ["a18446744073709551616", 1, "the number is greater than 18446744073709551615, the greatest that Slurm can hold"],
  ])("%j is refused", (name, position, reason) => {
    for (const sort of [false, true]) {
      const fold = (): string => foldHostlist(["a1", name], { sort });
      expect(fold).toThrow(HostlistError);
      expect(fold).toThrow(expect.objectContaining({ expression: name, position, reason }));
    }
  });
});
