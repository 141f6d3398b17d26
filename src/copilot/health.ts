/** Whether a copilot is alive, and whether it knows enough to act. Pure. */
import type { HttpAnswer } from "../http/server.ts";
import type { CopilotView } from "./view.ts";

/**
 * A round may wait for a slurmctld and an API that hang: five times 15 s for scontrol, seven times 8 s for the API (executor.ts, round.ts). A
 * loop that is silent for longer is stuck.
 */
const STUCK = 180_000;

/** Rounds are ten seconds apart; what has not been seen for several of them is not known any more. */
const STALE = 60_000;

/** /healthz: the loop runs. `now` in epoch milliseconds. */
export function healthz({ roundAt, startedAt }: CopilotView, now: number): HttpAnswer {
  const silent = now - (roundAt ?? startedAt);
  if (silent <= STUCK) return { body: "ok\n" };
  return { status: 503, body: `no round has ended for ${seconds(silent)} s\n` };
}

/** /readyz: Slurm and the Kubernetes API can be read, and were a short while ago; a copilot that stands by is ready to. */
export function readyz({ last, problem, standby, startedAt }: CopilotView, now: number): HttpAnswer {
  if (standby !== undefined) return { body: `stands by: ${standby}\n` };
  if (problem !== undefined) return { status: 503, body: `${problem}\n` };
  const age = now - (last?.at ?? startedAt);
  if (last === undefined || age > STALE) return { status: 503, body: `nothing is known for ${seconds(age)} s\n` };
  return { body: "ok\n" };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}
