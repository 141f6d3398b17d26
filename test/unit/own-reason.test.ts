import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatReason, parseReason } from "../../src/slurm/own-reason.ts";

const until = Date.parse("2026-11-23T20:00:00Z");

describe("our Reason in Slurm", () => {
  test("reads as an admin expects and is read back", () => {
    const reason = { code: "ImagePullBackOff", message: "its Pod cannot pull image x:1", strike: 2, until };
    const text = "power-agent: ImagePullBackOff: its Pod cannot pull image x:1 [strike 2 until 2026-11-23T20:00:00Z]";
    expect(formatReason(reason)).toBe(text);
    expect(parseReason(text)).toEqual(reason);
  });

  test("one that slurm-resume wrote has neither strike nor end", () => {
    expect(parseReason("power-agent: UnknownGroup: names worker group gpu")).toEqual({
      code: "UnknownGroup",
      message: "names worker group gpu",
    });
  });

  test.each([
    undefined,
    "",
    "Not responding",
    "ResumeTimeout reached",
    "maintenance, see power-agent: X: y",
    "power-agent:",
    "power-agent: words",
  ])("%j is not ours", (text) => expect(parseReason(text)).toBeUndefined());

  test("code, strike and end survive messages of any length", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.nat(99), (message, strike) => {
        const text = formatReason({ code: "Evicted", message, strike, until });
        expect(text.length).toBeLessThanOrEqual(250);
        expect(parseReason(text)).toMatchObject({ code: "Evicted", strike, until });
      }),
    );
  });
});
