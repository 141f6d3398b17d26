/** /healthz and /readyz. */
import { describe, expect, test } from "vitest";
import { emptyMemory } from "../../../src/copilot/decide.ts";
import { healthz, readyz } from "../../../src/copilot/health.ts";
import type { CopilotView } from "../../../src/copilot/view.ts";
import { makeSnapshot, NOW, SETTINGS } from "../../support/copilot.ts";

const seconds = (count: number): number => NOW + count * 1000;
const started: CopilotView = { version: "1.2.3", startedAt: NOW, settingsProblems: [], memory: emptyMemory };
const sawAllAt = (second: number) => ({
  roundAt: seconds(second),
  last: { snapshot: makeSnapshot(), at: seconds(second), settings: SETTINGS, heldBack: 0, resumeTimeout: 600 },
});

describe("healthz", () => {
  test.each<[string, Partial<CopilotView>, number, number, string]>([
    ["before the first round", {}, 180, 200, "ok"],
    ["no first round", {}, 181, 503, "no round has ended for 181 s"],
    ["a round just now", { roundAt: seconds(1000) }, 1001, 200, "ok"],
    ["a long round", { roundAt: seconds(1000) }, 1180, 200, "ok"],
    ["a loop that is stuck", { roundAt: seconds(1000) }, 1181, 503, "no round has ended for 181 s"],
    ["rounds that know nothing", { roundAt: seconds(1000), problem: "Slurm is unknown" }, 1005, 200, "ok"],
  ])("%s", (_case, view, now, status, body) => {
    const answer = healthz({ ...started, ...view }, seconds(now));
    expect([answer.status ?? 200, answer.body]).toEqual([status, `${body}\n`]);
  });
});

describe("readyz", () => {
  test.each<[string, Partial<CopilotView>, number, number, string]>([
    ["before the first round", {}, 5, 503, "nothing is known for 5 s"],
    ["all was read", sawAllAt(100), 105, 200, "ok"],
    ["a minute ago", sawAllAt(100), 160, 200, "ok"],
    ["longer ago, as a round hangs", sawAllAt(100), 161, 503, "nothing is known for 61 s"],
    ["the last round failed", { ...sawAllAt(100), problem: "Slurm is unknown: x" }, 105, 503, "Slurm is unknown: x"],
    ["it stands by", { roundAt: seconds(100), standby: "another acts" }, 500, 200, "stands by: another acts"],
  ])("%s", (_case, view, now, status, body) => {
    const answer = readyz({ ...started, ...view }, seconds(now));
    expect([answer.status ?? 200, answer.body]).toEqual([status, `${body}\n`]);
  });
});
