/**
 * A node's state in the word that `sinfo -N -o %t` prints for it: `idle~`, `mix#`, `drng*`. The order of the questions is that of Slurm
 * 22.05's node_state_string_compact (src/common/slurm_protocol_defs.c); every combination of the flags below was compared with it.
 */

/** What follows the base word; the first flag that is set counts. */
const signs: readonly (readonly [flag: string, sign: string])[] = [
  ["MAINTENANCE", "$"],
  ["REBOOT_ISSUED", "^"],
  ["REBOOT_REQUESTED", "@"],
  ["POWERING_UP", "#"],
  ["POWERING_DOWN", "%"],
  ["POWERED_DOWN", "~"],
  ["POWER_DOWN", "!"],
  ["NOT_RESPONDING", "*"],
];

/** The compact word for state flags as scontrol prints them; "?" for a base state that is not known here. */
export function compactState(state: ReadonlySet<string>): string {
  const sign = signs.find(([flag]) => state.has(flag))?.[1] ?? "";
  const silent = state.has("NOT_RESPONDING") ? "*" : "";
  const [allocated, mixed, down] = ["ALLOCATED", "MIXED", "DOWN"].map((base) => state.has(base));
  const completing = state.has("COMPLETING");
  if (state.has("INVALID_REG")) return "inval";
  if (state.has("MAINTENANCE") && !state.has("DRAIN") && !allocated && !mixed && !down) return `maint${silent}`;
  if (!allocated && !mixed && state.has("REBOOT_ISSUED")) return "boot^";
  if (!allocated && !mixed && state.has("REBOOT_REQUESTED")) return `boot${silent}`;
  if (state.has("DRAIN")) return `${completing || allocated || mixed ? "drng" : "drain"}${sign}`;
  if (state.has("FAIL")) return `${completing || allocated ? "failg" : "fail"}${silent}`;
  if (down) return `down${sign}`;
  if (allocated) return `alloc${sign || (completing ? "+" : "")}`;
  if (completing) return `comp${sign}`;
  if (state.has("IDLE")) return sign === "" ? idleWord(state) : `idle${sign}`;
  if (mixed) return `mix${sign || (state.has("PLANNED") ? "-" : "")}`;
  if (state.has("FUTURE")) return `futr${sign}`;
  return state.has("UNKNOWN") ? `unk${silent}` : "?";
}

function idleWord(state: ReadonlySet<string>): string {
  if (state.has("RESERVED")) return "resv";
  return state.has("PLANNED") ? "plnd" : "idle";
}
