import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { failures, isOfGroup, upkeep } from "../../../src/copilot/codes.ts";
import { formatReason, parseReason } from "../../../src/slurm/own-reason.ts";

const docs = readFileSync(join(import.meta.dirname, "../../../docs/copilot.md"), "utf8");

describe("codes", () => {
  test.each(Object.entries(failures))(
    "%s stands in the documentation with what it means and whose it is",
    (code, failure) => {
      expect(docs).toContain(`| \`${code}\` | ${failure.of} | ${failure.meaning} |`);
    },
  );

  test.each(Object.entries(upkeep))("%s stands in the documentation with what it means", (code, meaning) => {
    expect(docs).toContain(`| \`${code}\` | ${meaning} |`);
  });

  test.each([...Object.keys(failures), ...Object.keys(upkeep)])(
    "%s survives its way through a Reason of Slurm",
    (code) => {
      const reason = formatReason({ code, message: "why: so", strike: 2, until: 0 });
      expect(parseReason(reason)).toEqual({ code, message: "why: so", strike: 2, until: 0 });
    },
  );

  test.each([
    ["Unschedulable", true],
    ["QuotaExceeded", true],
    ["Evicted", false],
    ["CapacityBackOff", false],
    ["Deadline", false],
    ["toString", false],
  ])("%s is a failure of the whole group: %s", (code, expected) => {
    expect(isOfGroup(code)).toBe(expected);
  });
});
