/** What a copilot tells of its own work as it happens; metrics are counted from it. Durations are in milliseconds. */
import { KubernetesError, type KubernetesErrorKind } from "../kubernetes/errors.ts";
import type { Api } from "../kubernetes/request.ts";
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

/** A defect of ours, for the log. */
export function defectText(error: unknown): string {
  return `defect in the copilot, please report it: ${(error as Error).stack ?? String(error)}`;
}
