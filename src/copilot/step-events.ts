/** The Events of what a copilot has done. */
import type { RecordEvent } from "../kubernetes/events.ts";
import type { Log } from "../settings/log.ts";
import { foldNames } from "../slurm/node-name.ts";
import type { Action } from "./action.ts";
import { defectText, type Observe } from "./observation.ts";

/**
 * One Event for all nodes that the same was done to for the same reason, in a word for `kubectl get events` and a sentence. All at once, as
 * an API that hangs keeps each of them for seconds, and the next round waits.
 */
export async function tellEvents(
  actions: readonly Action[],
  context: { readonly recordEvent: RecordEvent; readonly log: Log; readonly observe: Observe },
): Promise<void> {
  const { log, observe, recordEvent } = context;
  const alike = Map.groupBy(actions, ({ kind, code, message, rule }) => JSON.stringify([kind, code, message, rule]));
  const events = alike.values().map((group) => {
    const [{ kind, code, message, rule }] = group as [Action];
    const names = foldNames(group.map(({ node }) => node));
    const type = kind === "set-down" ? "Warning" : "Normal";
    return recordEvent({ type, reason: code, message: `${kind} ${names}: ${message} (${rule})` });
  });
  for (const outcome of await Promise.allSettled(events)) {
    if (outcome.status === "fulfilled") continue;
    observe({ kind: "defect" });
    log.error(`an Event failed: ${defectText(outcome.reason)}`);
  }
}
