/**
 * Every word that releases 22.05 to 26.05 print in a node's State: base states and flags (src/common/slurm_protocol_defs.c,
 * node_state_base_string and node_state_flags). A word that is not here comes from a newer release, and what it means for a decision
 * nobody has thought about.
 */
const words: ReadonlySet<string> = new Set([
  ...["UNKNOWN", "DOWN", "IDLE", "ALLOCATED", "ERROR", "MIXED", "FUTURE"],
  ...["BLOCKED", "CLOUD", "COMPLETING", "DRAIN", "DYNAMIC_FUTURE", "DYNAMIC_NORM", "EXTERNAL", "INVALID_REG", "FAIL"],
  ...["MAINTENANCE", "POWER_DOWN", "POWER_UP", "PERFCTRS", "POWERED_DOWN", "REBOOT_REQUESTED", "REBOOT_ISSUED"],
  ...["RESERVED", "RESUME", "NOT_RESPONDING", "PLANNED", "POWERING_UP", "POWERING_DOWN"],
]);

/** The words of a State that nobody here knows; `?` is what scontrol itself prints for a flag it does not know. */
export function unknownStateWords(state: ReadonlySet<string>): readonly string[] {
  return [...state].filter((word) => !words.has(word));
}
