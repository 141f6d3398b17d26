/**
 * What a copilot tells of its own work as it happens: observations, which metrics are counted from; the log of its steps, which tells
 * changes and not rounds; and Events. Durations are in milliseconds.
 */
import { KubernetesError, type KubernetesErrorKind } from "../kubernetes/errors.ts";
import type { RecordEvent } from "../kubernetes/events.ts";
import type { Api } from "../kubernetes/request.ts";
import type { Log } from "../settings/log.ts";
import { foldNames } from "../slurm/node-name.ts";
import type { Scontrol } from "../slurm/scontrol.ts";
import type { Action } from "./action.ts";
import type { CopilotView } from "./view.ts";

/** One thing that happened. */
export type Observation =
  | { readonly kind: "round"; readonly view: CopilotView; readonly milliseconds: number }
  /** A round, or one of its steps, ended in a defect of ours. */
  | { readonly kind: "defect" }
  /** `group` is that of the action's worker, if it has one. "failed" is also what was no longer called for when its turn came. */
  | {
      readonly kind: "step";
      readonly action: Action;
      readonly group?: string;
      readonly outcome: "done" | "failed" | "held-back";
    }
  | {
      readonly kind: "api-call";
      /** As kube-apiserver names it: the method, or LIST for a GET of many. */
      readonly verb: string;
      readonly outcome: "ok" | KubernetesErrorKind;
      readonly milliseconds: number;
    }
  | {
      readonly kind: "scontrol-call";
      /** Such as `ping`, `show node` or `update`. */
      readonly command: string;
      readonly outcome: "ok" | "refused" | "no-answer";
      readonly milliseconds: number;
    };

/** Takes an observation; must not throw. */
export type Observe = (observation: Observation) => void;

/** The same API, each call of which is told; `verb` is what they all are, where their method does not say it. */
export function observeApi(api: Api, observe: Observe, now: () => number, verb?: "LIST"): Api {
  return async (request) => {
    const started = now();
    const tell = (outcome: "ok" | KubernetesErrorKind): void =>
      observe({ kind: "api-call", verb: verb ?? request.method, outcome, milliseconds: now() - started });
    try {
      const answer = await api(request);
      tell("ok");
      return answer;
    } catch (error) {
      tell(error instanceof KubernetesError ? error.kind : "Unexpected");
      throw error;
    }
  };
}

/** The same scontrol, each run of which is told. */
export function observeScontrol(scontrol: Scontrol, observe: Observe, now: () => number): Scontrol {
  return async (args) => {
    const started = now();
    const result = await scontrol(args);
    const words = args.filter((word) => !word.startsWith("-"));
    const command = words[0] === "show" ? words.slice(0, 2).join(" ") : (words[0] ?? "");
    const outcome = result.ok ? "ok" : result.answered ? "refused" : "no-answer";
    observe({ kind: "scontrol-call", command, outcome, milliseconds: now() - started });
    return result;
  };
}

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

/** A defect of ours, for the log. */
export function defectText(error: unknown): string {
  return `defect in the copilot, please report it: ${(error as Error).stack ?? String(error)}`;
}
