/**
 * Our Reasons of nodes in Slurm, which are the copilot's memory: why a node is DOWN, for the how-many-eth time, and until when. It survives every restart, and an
 * admin reads it in `sinfo -R`.
 *
 *     power-agent: ImagePullBackOff: its Pod cannot pull image x:1 [strike 2 until 2026-11-23T20:00:00Z]
 */

/** Marks a state and its Reason as ours. Whatever lacks it is somebody else's and left alone. */
const REASON_PREFIX = "power-agent:";

/** What our Reason says. `strike` and `until` (epoch milliseconds) are absent where slurm-resume wrote it. */
export interface OwnReason {
  readonly code: string;
  readonly message: string;
  readonly strike?: number;
  readonly until?: number;
}

/** Writes a Reason. */
export function formatReason({ code, message, strike, until }: OwnReason): string {
  const text = `${REASON_PREFIX} ${code}: ${message}`;
  // The end must not be cut off: it is what the copilot goes by, so the message is what gives way.
  const suffix = strike === undefined || until === undefined ? "" : ` [strike ${strike} until ${toSeconds(until)}]`;
  return text.slice(0, 250 - suffix.length) + suffix;
}

/** Reads a Reason; `undefined` when it is not ours. */
export function parseReason(reason: string | undefined): OwnReason | undefined {
  const [, code, rest] = /^power-agent: (\w+): (.*)$/s.exec(reason ?? "") ?? [];
  if (code === undefined || rest === undefined) return undefined;
  const [, message, strike, until] = /^(.*) \[strike (\d+) until (\S+)\]$/s.exec(rest) ?? [];
  if (message === undefined || Number.isNaN(Date.parse(until ?? ""))) return { code, message: rest };
  return { code, message, strike: Number(strike), until: Date.parse(until ?? "") };
}

function toSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}
