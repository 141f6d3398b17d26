/** One worker in the words of status and explain. Pure. */

import type { WorkerPod } from "../../kubernetes/worker-pods.ts";
import { isCloud, isDown, isLeftAlone, isPoweredDown, isPoweringUp, isUp, ownReason } from "../../slurm/node-flags.ts";
import type { Action } from "../action.ts";
import type { Worker } from "../snapshot.ts";

/** What a Pod does, as kubectl's STATUS column says it, with what kubectl does not say there: why it is Pending, and that it is not ready. */
export function podStatus({ phase, ready, deleted, failure }: WorkerPod): string {
  if (deleted !== undefined) return "Terminating";
  if (failure?.code === "Unschedulable") return "Pending: Unschedulable";
  // A failure's message begins with the reason that Kubernetes gives; kubectl shows the same word.
  if (failure !== undefined) return /^\w+/.exec(failure.message)?.[0] ?? failure.code;
  return phase === "Running" && !ready ? "Running, not ready" : phase;
}

/** What the lists say: `yes` in podsToBeCreated, `no` in podsToBeDeleted, `both`, or `-`. */
export function wantedWord({ wanted, unwanted }: Worker): "-" | "both" | "no" | "yes" {
  if (wanted) return unwanted ? "both" : "yes";
  return unwanted ? "no" : "-";
}

/** Why a worker is as it is: Slurm's Reason, ours without its frame and an admin's with their name, else what is wrong with its Pod. */
export function reasonText({ node, pod }: Worker): string {
  const own = node && ownReason(node);
  if (own !== undefined) return `${own.code}: ${own.message}`;
  if (node?.reason !== undefined)
    return `${node.reason}${node.reasonUser === undefined ? "" : ` (${node.reasonUser})`}`;
  // Its first word stands in the Pod's status already.
  return (pod?.failure?.message ?? "").replace(/^\w+: /, "");
}

/** What is done, in a few words that also go on from "will be". */
export function stepText(actions: readonly Action[]): string {
  const kinds = new Set(actions.map(({ kind }) => kind));
  if (kinds.has("set-down")) return kinds.has("suspend") ? "DOWN and withdrawn" : "DOWN";
  return actions.map(({ kind }) => stepTexts[kind]).join(" and ");
}

const stepTexts: Readonly<Record<Action["kind"], string>> = {
  resume: "named in podsToBeCreated",
  suspend: "withdrawn",
  forget: "forgotten",
  "set-down": "DOWN",
  "power-down": "powered down",
  return: "returned",
  "delete-pod": "Pod made anew",
};

/** What a worker for which the copilot plans nothing waits for, or why it is left alone; "" when all is well. */
export function waitText(worker: Worker): string {
  const { group, node, pod } = worker;
  if (node === undefined) return pod?.deleted === undefined ? "" : "waits for its Pod to end";
  if (group === undefined) return "left alone: the SlurmCluster has no such group";
  if (!isCloud(node)) return "left alone: not State=CLOUD in slurm.conf";
  if (isLeftAlone(node)) return `left alone: ${held(node.state).join(", ")}`;
  if (isDown(node)) return downText(worker);
  if (isPoweringUp(node)) {
    if (pod === undefined) return "waits for its Pod";
    if (pod.deleted !== undefined) return "waits for its old Pod to end";
    return pod.ready ? "waits for slurmd to register" : "waits for its Pod to be ready";
  }
  if (node.state.has("POWERING_DOWN")) return "powers down";
  if (pod?.deleted !== undefined) return "waits for its Pod to end";
  if (isUp(node) && node.state.has("NOT_RESPONDING")) return "Slurm waits for slurmd (SlurmdTimeout)";
  return node.state.has("POWERED_DOWN") && !isPoweredDown(node) ? "about to be powered up" : "";
}

function downText({ node, pod }: Worker): string {
  if (node === undefined || ownReason(node) === undefined) return "left alone: DOWN, and not by the copilot";
  if (pod !== undefined) return "waits for its Pod to end";
  return isPoweredDown(node) ? "stays DOWN until an admin returns it" : "powers down";
}

/** The flags for which a node is left alone. */
function held(state: ReadonlySet<string>): string[] {
  return [...state].filter((flag) => isLeftAlone({ state: new Set([flag]) }));
}

/** Whether a worker is plainly parked, or up and well: nothing that an admin would look for. */
export function isPlain(worker: Worker): boolean {
  const { node, pod, wanted, unwanted } = worker;
  if (node === undefined || reasonText(worker) !== "" || waitText(worker) !== "") return false;
  if (isUp(node)) return pod?.ready === true && wanted && !unwanted;
  return isPoweredDown(node) && node.state.has("IDLE") && pod === undefined && !wanted && !unwanted;
}
