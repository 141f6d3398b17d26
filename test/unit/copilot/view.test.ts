import { expect, test } from "vitest";
import { decide, emptyMemory } from "../../../src/copilot/decide.ts";
import { type CopilotView, decodeView, encodeView } from "../../../src/copilot/view.ts";
import { makeSnapshot, NOW, SETTINGS } from "../../support/copilot.ts";

test("what a copilot knows comes back whole: maps, sets, lists and a limit that is infinite", () => {
  const snapshot = makeSnapshot({
    state: "DOWN+CLOUD+POWERED_DOWN",
    node: { reason: "power-agent: PodGone: is up and has no Pod [strike 1 until 2026-11-23T20:02:00Z]" },
    pod: {},
  });
  const { memory } = decide(snapshot, emptyMemory, SETTINGS, NOW);
  const last = { snapshot, at: NOW, settings: SETTINGS, heldBack: 0, resumeTimeout: Number.POSITIVE_INFINITY };
  const view: CopilotView = { version: "1", startedAt: NOW, settingsProblems: ["a", "b"], memory, last };
  expect(decodeView(encodeView(view))).toEqual(view);
});
