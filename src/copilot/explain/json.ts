/** Explanations as plain data, for --json. Pure. */

import type { Look } from "../inspect/look.ts";
import { workerJson } from "../status/json.ts";
import { adviceFor } from "./advice.ts";
import type { Explanation } from "./explanation.ts";

/** Explanations with how the copilot is and what could not be read; times in RFC 3339. */
export function explanationsJson(
  explanations: readonly Explanation[],
  look: Look,
  problems: readonly string[],
): object {
  const { cluster, copilot, at, seenByCopilot, settingsProblems } = look;
  return {
    cluster,
    copilot,
    seenAt: new Date(at).toISOString(),
    seenByCopilot,
    problems: [...look.problems, ...problems],
    settingsProblems,
    nodes: explanations.map(({ status, pod, history }) => ({
      ...workerJson(status, look),
      podDetails: pod,
      history: history.map((happening) => ({ ...happening, time: new Date(happening.time).toISOString() })),
      advice: adviceFor(status, look),
    })),
  };
}
