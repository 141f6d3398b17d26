/** What an admin can do about a node. Pure. */
import { isDown, isLeftAlone, isPoweredDown, isPoweringUp, ownReason } from "../../slurm/node-flags.ts";
import type { NodeRecord } from "../../slurm/node-record.ts";
import { type FailureCode, failures, isOfGroup } from "../codes.ts";
import type { Look } from "../inspect/look.ts";
import type { Worker } from "../snapshot.ts";
import { canTellNext, type WorkerStatus } from "../status/rows.ts";

/** One thing to do: words that go on from "you can", and the command to type where there is one. */
export interface Advice {
  readonly what: string;
  readonly command?: string;
}

/** What an admin can do, the most useful first; none when there is nothing to do. */
export function adviceFor(status: WorkerStatus, look: Look): Advice[] {
  const { name, group, node } = status.worker;
  const { cluster, copilot, unknown } = look;
  const edit = `kubectl -n ${cluster.namespace} edit slurmcluster ${cluster.name}`;
  const strange = group === undefined && !unknown.has("resource");
  return [
    ...(copilot.state === "does not run"
      ? [{ what: "start slurmctld-copilot beside slurmctld: without it nothing is mended" }]
      : []),
    ...(strange ? [{ what: "check the name, or give the SlurmCluster that group", command: edit }] : []),
    ...podAdvice(status, look),
    ...(node === undefined ? [] : nodeAdvice(node, status, look, `scontrol update NodeName=${name} State=RESUME`)),
  ];
}

/** About what is wrong with its Pod, or was when the node was given up. */
function podAdvice({ worker: { name, node, pod } }: WorkerStatus, { cluster }: Look): Advice[] {
  const code = pod?.failure?.code ?? (node && ownReason(node)?.code) ?? "";
  const known = Object.hasOwn(failures, code) ? (code as FailureCode) : undefined;
  const unwell = pod !== undefined && (pod.failure !== undefined || pod.deleted !== undefined || !pod.ready);
  return [
    ...(known === undefined
      ? []
      : [{ what: `mend the cause (${known}: ${failures[known].meaning}): ${cures[known]}` }]),
    ...(unwell
      ? [{ what: "see more of its Pod", command: `kubectl -n ${cluster.namespace} describe pod ${name}` }]
      : []),
  ];
}

/** About its state in Slurm; `command` returns it. */
function nodeAdvice(node: NodeRecord, { worker, step }: WorkerStatus, look: Look, command: string): Advice[] {
  const { cluster, snapshot } = look;
  if (isLeftAlone(node)) return node.state.has("DRAIN") ? [{ what: "end the DRAIN when you are done", command }] : [];
  if (isPoweringUp(node) && worker.pod === undefined) {
    const describe = `kubectl -n ${cluster.namespace} describe slurmcluster ${cluster.name}`;
    return [{ what: "ask why the operator makes no Pod", command: describe }];
  }
  if (!isDown(node)) return [];
  const own = ownReason(node);
  if (own === undefined) return [{ what: "return it when its cause is mended", command }];
  if (!isPoweredDown(node)) return [];
  if (own.code === "CapacityBackOff") {
    const [cause] = snapshot.workers.values().filter((other) => other.group === worker.group && closesGroup(other));
    if (cause === undefined) return [{ what: "return it now", command }];
    return [{ what: "see why its group is closed", command: `slurmctld-copilot explain ${cause.name}` }];
  }
  const forGood = canTellNext(look) && step === undefined;
  const what = forGood ? "return it when its cause is mended" : "return it now, without waiting for the back-off";
  return [{ what, command }];
}

function closesGroup({ node }: Worker): boolean {
  return node !== undefined && isOfGroup(ownReason(node)?.code ?? "");
}

/** Where to look for the cause. */
const cures: Readonly<Record<FailureCode, string>> = {
  ContainerEnded: "read the log of the container before (kubectl logs --previous)",
  CrashLoopBackOff: "read the container's log (kubectl logs --previous)",
  CreateContainerError: "see that what the Pod template names is there",
  Evicted: "see which pressure or drain ended it (kubectl describe node)",
  ImagePullBackOff: "see that the image's name, registry and pull secret are right",
  NeverCreated: "read the operator's log, and whether the API refuses its Pods",
  NeverRegistered:
    "read slurmd's log: its name, its munge key, and whether it reaches slurmctld; it must be `slurmd -b`",
  NodeLost: "see after the Kubernetes node (kubectl get nodes)",
  OOMKilled: "give the container a larger memory limit, or the node less RealMemory",
  PodDeleted: "find who deleted it, in the API's audit log",
  PodFailed: "read the container's log (kubectl logs)",
  PodGone: "find who deleted it, in the API's audit log",
  PodReplaced: "find who deleted the one before, in the API's audit log",
  PodStuck: "see what keeps it: a finalizer, or a Kubernetes node that does not answer",
  Preempted: "give workers a higher priority, or the Kubernetes cluster more room",
  QuotaExceeded: "raise the ResourceQuota of the namespace",
  Unschedulable: "give the Kubernetes cluster room, or the Pod template smaller requests and other selectors",
};
