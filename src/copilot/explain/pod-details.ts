/** What a Pod says of itself, for people: its Kubernetes node, conditions and containers. Pure. */
import { oneLine } from "../../text/one-line.ts";

/** A Pod as far as it is told of. */
export interface PodDetails {
  /** The Kubernetes node that it was given to; absent until then. */
  readonly nodeName?: string;
  /** `Ready=False (ContainersNotReady: …)`: conditions that are not as in a Pod that runs, with reason and message. */
  readonly conditions: readonly string[];
  /** `slurmd: waiting (ImagePullBackOff: …), 2 restarts`. */
  readonly containers: readonly string[];
}

/** The fields that are read; everything may be missing (Kubernetes API reference, Pod v1). */
interface RawPod {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly conditions?: readonly RawCondition[];
    readonly initContainerStatuses?: readonly RawContainer[];
    readonly containerStatuses?: readonly RawContainer[];
  };
}

interface RawCondition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

interface RawContainer {
  readonly name?: string;
  readonly restartCount?: number;
  readonly state?: Readonly<Record<string, RawState | undefined>>;
  readonly lastState?: { readonly terminated?: RawState };
}

interface RawState {
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
}

/** Reads a Pod as the API returns it. */
export function podDetails(pod: unknown): PodDetails {
  const { spec, status = {} } = (pod ?? {}) as RawPod;
  const init = (status.initContainerStatuses ?? []).filter(({ state }) => state?.terminated?.exitCode !== 0);
  return {
    ...(spec?.nodeName !== undefined && { nodeName: spec.nodeName }),
    conditions: (status.conditions ?? []).filter(isUnusual).map(conditionText),
    containers: [...init, ...(status.containerStatuses ?? [])].map(containerText),
  };
}

/** DisruptionTarget tells of an end; all other conditions of a Pod that runs are True. */
function isUnusual({ type, status }: RawCondition): boolean {
  return (status === "True") === (type === "DisruptionTarget");
}

function conditionText({ type, status, reason, message }: RawCondition): string {
  return `${type}=${status}${inBrackets(reason, message)}`;
}

function containerText({ name, restartCount = 0, state = {}, lastState }: RawContainer): string {
  const [[kind, now] = ["in no state yet", undefined]] = Object.entries(state);
  const restarts = restartCount === 0 ? "" : `, ${restartCount} restart${restartCount === 1 ? "" : "s"}`;
  const before = lastState?.terminated;
  return `${name}: ${kind}${stateText(now)}${restarts}${before === undefined ? "" : `; ended before${stateText(before)}`}`;
}

function stateText(state: RawState | undefined): string {
  const { reason, message, exitCode } = state ?? {};
  return inBrackets(reason, [exitCode === undefined ? "" : `exit code ${exitCode}`, message ?? ""].join(" ").trim());
}

function inBrackets(reason: string | undefined, message: string | undefined): string {
  const text = oneLine([reason, message].filter(Boolean).join(": "));
  return text === "" ? "" : ` (${text.slice(0, 300)})`;
}
