/**
 * The records that `scontrol -o show node` prints, one a line: `NodeName=… Arch=… State=… Reason=some words [user@time]`.
 *
 * Fields and their order differ between releases (src/api/node_info.c, slurm_sprint_node_table). Four of them are free text:
 * OS in the middle, and Reason, Comment and Extra behind all that is read here. Free text may look like fields. So a record is
 * taken apart from its firm side, and one that can be read in two ways is reported and left out.
 */

/** What a node's record says, as far as power saving goes. Times are seconds since 1970; absent where Slurm says None or Unknown. */
export interface NodeRecord {
  readonly name: string;
  /**
   * The base state (`IDLE`, `ALLOCATED`, `MIXED`, `DOWN`, `FUTURE` …) first, then the flags (`CLOUD`, `POWERING_UP` …). Words that
   * this program has never heard of are kept.
   */
  readonly state: ReadonlySet<string>;
  readonly partitions: readonly string[];
  /** When slurmd last said its machine was started (`slurmd -b`: when it was started itself). Kept by nodes that are powered down. */
  readonly bootTime?: number;
  readonly slurmdStartTime?: number;
  /** Absent also for a node that slurmctld would not power down for idleness, such as one set DOWN by ResumeTimeout. */
  readonly lastBusyTime?: number;
  /** Without the `[user@time]` that scontrol puts behind its first line; lines are separated by "\n". */
  readonly reason?: string;
  readonly reasonUser?: string;
  readonly reasonTime?: number;
  readonly comment?: string;
}

/** Records by name, and in words for the log what could not be read. A node that is only in `problems` is unknown. */
export interface ParsedNodes {
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly problems: readonly string[];
}

/**
 * Parses the output of `scontrol -o show node`. Times must be in UTC, as `createScontrol` makes scontrol print them. Lines that are no
 * record, such as "Node x not found" or the second line of a Comment, are skipped.
 */
export function parseNodes(text: string): ParsedNodes {
  const nodes = new Map<string, NodeRecord>();
  const problems: string[] = [];
  const repeated = new Set<string>();
  const make: Makers = {
    state: once((state) => new Set(state.split("+"))),
    partitions: once((partitions) => partitions.split(",").filter(Boolean)),
  };
  for (const line of text.split("\n")) {
    const name = /^NodeName=(\S+)/.exec(line)?.[1];
    if (name === undefined) continue;
    if (nodes.has(name)) repeated.add(name);
    const record = parseRecord(name, line, make);
    if (typeof record === "string") problems.push(`${name}: ${record}`);
    else nodes.set(name, record);
  }
  // Scontrol prints a name once; a second record was forged with a line break in a Comment.
  for (const name of repeated) {
    nodes.delete(name);
    problems.push(`${name}: is there twice`);
  }
  return { nodes, problems };
}

/** A state as scontrol prints it; `?` stands for what this scontrol itself does not know. */
const STATE = /^[A-Z?][A-Z0-9_?]*(?:\+[A-Z0-9_?]+)*$/;

/** Makes a value once for each text: of 10,000 nodes most have the same state and partitions. */
function once<Value>(make: (text: string) => Value): (text: string) => Value {
  const made = new Map<string, Value>();
  return (text) => {
    const value = made.get(text) ?? make(text);
    made.set(text, value);
    return value;
  };
}

/** How the words of a record become values. */
interface Makers {
  readonly state: (text: string) => ReadonlySet<string>;
  readonly partitions: (text: string) => readonly string[];
}

function parseRecord(name: string, line: string, make: Makers): NodeRecord | string {
  const [head, freeText] = splitFreeText(line);
  const state = readField(head, "State");
  if (state === undefined) return "has no State";
  if (head.indexOf(" State=") !== head.lastIndexOf(" State=")) return "has several States";
  if (!STATE.test(state)) return `has a State that is none: ${JSON.stringify(state)}`;
  return {
    name,
    state: make.state(state),
    partitions: make.partitions(readField(head, "Partitions") ?? ""),
    ...present("bootTime", parseTime(readField(head, "BootTime"))),
    ...present("slurmdStartTime", parseTime(readField(head, "SlurmdStartTime"))),
    ...present("lastBusyTime", parseTime(readField(head, "LastBusyTime"))),
    ...parseFreeText(freeText),
  };
}

/** The part of a record in which each word is a field, and what follows. OS is cut out: it is text of the node's own choosing. */
export function splitFreeText(line: string): [head: string, freeText: string] {
  const withoutSystem = line.replace(/ OS=.*? +(?=RealMemory=\d)/, " ");
  const start = withoutSystem.search(/ (?:Reason|Comment|Extra)=/);
  return start === -1 ? [withoutSystem, ""] : [withoutSystem.slice(0, start), withoutSystem.slice(start)];
}

/** The value of a field, which has no blanks in it; `undefined` when the field is absent, empty or `(null)`. */
export function readField(head: string, name: string): string | undefined {
  const start = head.indexOf(` ${name}=`);
  if (start === -1) return undefined;
  const from = start + name.length + 2;
  const end = head.indexOf(" ", from);
  const value = head.slice(from, end === -1 ? undefined : end);
  return value === "" || value === "(null)" ? undefined : value;
}

/** What may follow a free text: the end, or the next field that scontrol prints behind it. */
const END = "(?= *$| (?:Comment|Extra|InstanceId|InstanceType|ReservationName)=)";
/** Who gave the Reason and when, which stands behind its first line; further lines are set off by eight blanks. */
const STAMPED = new RegExp(
  `^ Reason=(?<first>.*?) \\[(?<user>\\S+)@(?<time>\\d{4}-\\d\\d-\\d\\dT[\\d:]+|Unknown)\\](?<more>(?: {8}.*?)?)${END}`,
);
const UNSTAMPED = new RegExp(`^ Reason=(?<first>.*?)${END}`);
const COMMENT = new RegExp(`^ Comment=(.*?)${END}`);

type FreeText = Pick<NodeRecord, "reason" | "reasonUser" | "reasonTime" | "comment">;

function parseFreeText(text: string): FreeText {
  const match = STAMPED.exec(text) ?? UNSTAMPED.exec(text);
  const { first, user, time, more = "" } = match?.groups ?? {};
  const comment = COMMENT.exec(text.slice(match?.[0].length ?? 0))?.[1];
  return {
    ...present("reason", first === undefined ? undefined : first + more.replaceAll(/ {8}/g, "\n")),
    ...present("reasonUser", user),
    ...present("reasonTime", parseTime(time)),
    ...present("comment", comment),
  };
}

/** "2026-11-23T19:30:13", in UTC, in seconds since 1970; `undefined` for None, Unknown and anything else. */
function parseTime(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return undefined;
  const milliseconds = Date.parse(`${text}Z`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
}

/** An object with that property, or without it when there is no value. */
function present<Name extends string, Value>(name: Name, value: Value | undefined): { [name in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]?: Value });
}
