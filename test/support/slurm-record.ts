/** The fields of one `scontrol -o show …` line, as printed: name → text. */
export type SlurmRecord = Readonly<Record<string, string>>;

/**
 * Parses one line of `scontrol -o show job` or `show node`.
 *
 * Fields are `Name=text` separated by blanks; text may hold blanks (`OS=Linux 6.1 …`, `Reason=some words`), so a field ends
 * where a blank is followed by the next capitalised name and `=`. Free text can look like a field too; as Slurm 22.05 prints
 * its own fields before free text, the first occurrence of a name wins.
 */
export function parseSlurmRecord(line: string): SlurmRecord {
  const record: Record<string, string> = {};
  const starts = [...line.matchAll(/(?:^|\s)([A-Z][\w:/]*)=/g)];
  starts.forEach((start, index) => {
    const [, name = ""] = start;
    const end = starts[index + 1]?.index ?? line.length;
    record[name] ??= line.slice(start.index + start[0].length, end).trim();
  });
  return record;
}

/** One node as the controller sees it. */
export interface SlurmNode {
  readonly name: string;
  /** Base state and flags, for example IDLE, CLOUD, POWERED_DOWN. */
  readonly state: ReadonlySet<string>;
  /** The reason without its trailing `[user@time]`; empty when there is none. */
  readonly reason: string;
  readonly fields: SlurmRecord;
}

/** Reads one line of `scontrol -o show node`. The reason is free text at the line's end and is taken whole. */
export function parseSlurmNode(line: string): SlurmNode {
  const fields = parseSlurmRecord(line);
  const reason = /\sReason=(.*?)(?:\s\[[^\s@\]]+@[^\s\]]+\])?(?:\sComment=.*)?$/.exec(line.trimEnd())?.[1] ?? "";
  return {
    name: fields.NodeName ?? "",
    state: new Set((fields.State ?? "").split("+").filter(Boolean)),
    reason,
    fields,
  };
}

/** Powered down and ready to be woken by the next job. */
export function isParked({ state }: SlurmNode): boolean {
  return state.has("IDLE") && state.has("POWERED_DOWN");
}
