/** The log of what a copilot does, which tells changes and not rounds. */
import type { Log } from "../settings/log.ts";
import { foldNames } from "../slurm/node-name.ts";
import type { Action } from "./action.ts";

/** Why steps were not done. */
export interface Setback {
  readonly level: "error" | "info" | "warn";
  /** The same for as long as it is the same thing that is wrong, though the words may differ: in a number of tries, say. */
  readonly cause: string;
  /** The line of the log, given the nodes as a hostlist. */
  readonly line: (names: string) => string;
}

/** What the log has told of steps that are not done yet, by kind, node and code. Times are epoch milliseconds. */
export type ToldSteps = ReadonlyMap<string, ToldStep>;

interface ToldStep {
  /** When the decision was last told. */
  readonly at: number;
  /** In how many rounds it was decided. */
  readonly rounds: number;
  /** By cause: when that setback was last told, and how often it has come again since. */
  readonly setbacks: Map<string, { readonly at: number; readonly repeats: number }>;
}

/** The log of the steps of one round. */
export interface StepLog {
  /** Tells what is to be done, in a dry run what would be. */
  readonly decided: (actions: readonly Action[], dryRun: boolean) => void;
  /** Tells why some of it was not done, in one line for all that it is new or long ago for. */
  readonly failed: (actions: readonly Action[], setback: Setback) => void;
  /** Tells that steps were done, where the log may have left that open. */
  readonly done: (actions: readonly Action[]) => void;
  /** What the next round needs to know. */
  readonly told: () => ToldSteps;
}

/** For how long the same words are not told again, in milliseconds: as long as Events count them up. */
const SILENCE = 600_000;

/**
 * Makes the log of a round's steps. What cannot be done is decided again in each round, ten seconds later, perhaps for a thousand nodes: the
 * same step is only told again when it was done, or not decided, in between, or after ten minutes, and then with a count of the setbacks.
 */
export function createStepLog(log: Log, now: () => number, before: ToldSteps): StepLog {
  const steps = new Map<string, ToldStep>();
  return {
    decided: (actions, dryRun) => {
      for (const action of actions) {
        const { kind, node, rule, code, message } = action;
        const last = before.get(keyOf(action));
        const isOld = last !== undefined && now() - last.at < SILENCE;
        if (!isOld) log.info(`${dryRun ? "would " : ""}${kind} ${node}: ${code}: ${message} (${rule})`);
        const at = isOld ? last.at : now();
        steps.set(keyOf(action), { at, rounds: (last?.rounds ?? 0) + 1, setbacks: new Map(last?.setbacks) });
      }
    },
    failed: (actions, { level, cause, line }) => {
      const names = new Set<string>();
      let most = 0;
      for (const action of actions) {
        const setbacks = steps.get(keyOf(action))?.setbacks;
        const last = setbacks?.get(cause);
        if (last !== undefined && now() - last.at < SILENCE) {
          setbacks?.set(cause, { at: last.at, repeats: last.repeats + 1 });
          continue;
        }
        setbacks?.set(cause, { at: now(), repeats: 0 });
        names.add(action.node);
        most = Math.max(most, last?.repeats ?? 0);
      }
      if (names.size === 0) return;
      const again = most === 0 ? "" : ` (and so ${most} times since this was last told)`;
      log[level](`${line(foldNames([...names]))}${again}`);
    },
    done: (actions) => {
      const vain = (action: Action): number => (steps.get(keyOf(action))?.rounds ?? 1) - 1;
      const alike = Map.groupBy(actions, (action) => `${vain(action)} ${action.kind}`);
      for (const group of alike.values()) {
        const [first] = group as [Action];
        const names = foldNames(group.map(({ node }) => node));
        const rounds = vain(first) === 1 ? "a round" : `${vain(first)} rounds`;
        if (vain(first) > 0) log.info(`${first.kind} of ${names} done, after ${rounds} in which it was not`);
      }
      for (const action of actions) steps.delete(keyOf(action));
    },
    told: () => steps,
  };
}

function keyOf({ kind, node, code }: Action): string {
  return `${kind} ${node} ${code}`;
}
