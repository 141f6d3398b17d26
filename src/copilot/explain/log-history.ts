/** What the logs of slurm-resume, slurm-suspend and the copilot say about one node. Pure. */
import { expandHostlist, HostlistError } from "hostlist-parse";

/** One line of a log, in either format. */
export interface LogEntry {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly level: "info" | "warn" | "error";
  /** Tells the runs of programs apart. */
  readonly run: string;
  readonly message: string;
}

/** Reads the lines of a log; what is none, such as the first line of a tail, is skipped. */
export function parseLog(text: string): LogEntry[] {
  return text.split("\n").flatMap((line) => (line.startsWith("{") ? jsonLine(line) : textLine(line)) ?? []);
}

function textLine(line: string): LogEntry | undefined {
  const [, at = "", level = "", run = "", message = ""] = /^(\S+Z) (INFO|WARN|ERROR) +(\S+) (.*)$/.exec(line) ?? [];
  const time = Date.parse(at);
  if (Number.isNaN(time)) return undefined;
  return { time, level: level.toLowerCase() as LogEntry["level"], run, message };
}

/** The levels of pino as it writes them in JSON. */
const levels: Readonly<Record<number, LogEntry["level"]>> = { 30: "info", 40: "warn", 50: "error" };

function jsonLine(line: string): LogEntry | undefined {
  try {
    const { time, level, run, msg } = JSON.parse(line) as Record<string, unknown>;
    const name = levels[Number(level)];
    if (typeof time !== "number" || typeof run !== "string" || typeof msg !== "string") return undefined;
    return name && { time, level: name, run, message: msg };
  } catch {
    // Half a line, at the beginning of a tail or from a disk that was full.
    return undefined;
  }
}

/** What a run says of its own going and not of the node; the lines around it say the same. */
const IDLE_WORDS = /^(?:hostlists: |(?:resume|suspend) (?:node|worker) \S+$)/;

/**
 * The entries about a node, the last `limit` of them, oldest first: those that name it, and of a run that was called for it all that went
 * wrong and how it ended. `prefix` is what the cluster's node names begin with.
 */
export function historyOf(node: string, prefix: string, entries: readonly LogEntry[], limit: number): LogEntry[] {
  const names = namesNode(node, prefix);
  const found: LogEntry[] = [];
  const runs = new Set<string>();
  for (const entry of entries.toSorted((a, b) => a.time - b.time)) {
    const named = names(entry.message);
    if (named && /^\S+ called, args /.test(entry.message)) runs.add(entry.run);
    const about = named ? !IDLE_WORDS.test(entry.message) : runs.has(entry.run) && tellsOutcome(entry);
    if (about) found.push(entry);
  }
  return found.slice(-limit);
}

function tellsOutcome({ level, message }: LogEntry): boolean {
  return level !== "info" || / finished: /.test(message);
}

/** Whether a text names a node, by itself or within a hostlist. Hostlists are remembered, as a run names the same one again and again. */
export function namesNode(node: string, prefix: string): (text: string) => boolean {
  const known = new Map<string, boolean>();
  const holds = (hostlist: string): boolean => {
    const before = known.get(hostlist);
    if (before !== undefined) return before;
    const result = expanded(hostlist).includes(node);
    known.set(hostlist, result);
    return result;
  };
  return (text) => hostlistsIn(text, prefix).some(holds);
}

/** The hostlists of a text that begin with a prefix: as far as their characters go, without brackets and stops that are the text's. */
function hostlistsIn(text: string, prefix: string): string[] {
  const found: string[] = [];
  for (let start = text.indexOf(prefix); start !== -1; ) {
    const run = /^[\w.,[\]-]+/.exec(text.slice(start))?.[0] ?? prefix;
    found.push(balanced(run).replace(/[.,-]+$/, ""));
    start = text.indexOf(prefix, start + run.length);
  }
  return found;
}

/** Up to the bracket that was not opened in it, as in `args [demo-worker-cpu-[0-3]]`. */
function balanced(text: string): string {
  let depth = 0;
  for (const [index, character] of [...text].entries()) {
    if (character === "[") depth += 1;
    if (character === "]") depth -= 1;
    if (depth < 0) return text.slice(0, index);
  }
  return text;
}

function expanded(hostlist: string): readonly string[] {
  try {
    return expandHostlist(hostlist);
  } catch (error) {
    // A line cut in half by a full disk, or a word that only looks like a hostlist.
    if (error instanceof HostlistError) return [];
    throw error;
  }
}
