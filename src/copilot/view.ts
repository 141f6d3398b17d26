/** What a copilot knows at one moment, for those who ask it over its socket. */
import type { Memory } from "./decide.ts";
import type { CopilotSettings } from "./settings.ts";
import type { Snapshot } from "./snapshot.ts";

/** The last complete look at everything, and what is remembered. Times are epoch milliseconds. */
export interface CopilotView {
  readonly version: string;
  readonly startedAt: number;
  /** When the last round ended, whether or not it could read everything; absent before the first. */
  readonly roundAt?: number;
  /** Why the last round did nothing. */
  readonly problem?: string;
  /** Why this copilot leaves everything to another one. */
  readonly standby?: string;
  /** Mistakes in the settings file, for which defaults are used. */
  readonly settingsProblems: readonly string[];
  readonly memory: Memory;
  /** What the last complete round saw; absent before it. */
  readonly last?: {
    readonly snapshot: Snapshot;
    /** When it was made. */
    readonly at: number;
    /** The limits that it was decided by. */
    readonly settings: CopilotSettings;
    /** How many steps were held back for being too many. */
    readonly heldBack: number;
    /** The longest ResumeTimeout of slurm.conf, in seconds. */
    readonly resumeTimeout: number;
  };
}

/** JSON of a view; maps and sets become `{"map": [[key, value]]}` and `{"set": [value]}`. */
export function encodeView(view: CopilotView): string {
  return JSON.stringify(view, (_key, value: unknown) => {
    if (value instanceof Map) return { map: [...value] };
    if (value instanceof Set) return { set: [...value] };
    return value === Number.POSITIVE_INFINITY ? { infinity: true } : value;
  });
}

/** The other way. Throws a SyntaxError for what is not JSON; what another version of the copilot says is not checked further. */
export function decodeView(text: string): CopilotView {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if (hasKey(value, "map")) return new Map(value.map as readonly (readonly [string, unknown])[]);
    if (hasKey(value, "set")) return new Set(value.set as readonly unknown[]);
    return hasKey(value, "infinity") ? Number.POSITIVE_INFINITY : value;
  }) as CopilotView;
}

/** Its own, as each array has a method `map`. */
function hasKey<Key extends string>(value: object, key: Key): value is { [key in Key]: unknown } {
  return Object.hasOwn(value, key);
}
