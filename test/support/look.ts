/** Looks for tests of status and explain. */
import { decide, emptyMemory } from "../../src/copilot/decide.ts";
import type { Look } from "../../src/copilot/inspect/look.ts";
import { type GivenWorker, makeSnapshot, NOW, SETTINGS } from "./copilot.ts";

/** What a copilot that runs saw three seconds ago, and what differs. */
export function makeLook(workers: readonly GivenWorker[], given: Partial<Look> = {}): Look {
  const snapshot = makeSnapshot(...workers);
  const at = NOW - 3000;
  return {
    cluster: { namespace: "hpc", name: "demo" },
    now: NOW,
    copilot: { state: "runs" },
    at,
    seenByCopilot: true,
    snapshot,
    unknown: new Set(),
    memory: decide(snapshot, emptyMemory, SETTINGS, at).memory,
    settings: SETTINGS,
    heldBack: 0,
    problems: [],
    settingsProblems: [],
    ...given,
  };
}
