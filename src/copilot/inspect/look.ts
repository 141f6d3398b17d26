/**
 * One look at the cluster for people: what a running copilot knows, else one reading of everything. What could not be read is said, and the
 * rest is there.
 */
import type { Api } from "../../kubernetes/request.ts";
import type { SlurmCluster, SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import type { CopilotLimits } from "../../settings/settings.ts";
import type { Scontrol } from "../../slurm/scontrol.ts";
import { version } from "../../version.ts";
import { decide, emptyMemory, type Memory } from "../decide.ts";
import { healthz } from "../health.ts";
import { type CopilotSettings, copilotSettings } from "../settings.ts";
import { makeSnapshot, type Snapshot } from "../snapshot.ts";
import type { CopilotView } from "../view.ts";
import { askCopilot, CopilotSilentError, readEverything } from "./gather.ts";

/** How the copilot of this host is: `runs` and acts, or in `message` why it does not. */
type CopilotCondition =
  | { readonly state: "runs" }
  | { readonly state: "does nothing" | "stands by" | "does not run" | "does not answer"; readonly message: string };

/** A part of the world that could not be read. */
type UnknownPart = "pods" | "resource" | "slurm";

/** What there is to show. Times are epoch milliseconds. */
export interface Look {
  readonly cluster: SlurmClusterRef;
  readonly now: number;
  readonly copilot: CopilotCondition;
  /** When it was seen. */
  readonly at: number;
  /** Whether the copilot saw it, and conditions began when it first did; else everything was read just now and they begin now. */
  readonly seenByCopilot: boolean;
  /** Without the parts that are `unknown`. */
  readonly snapshot: Snapshot;
  readonly unknown: ReadonlySet<UnknownPart>;
  readonly memory: Memory;
  readonly settings: CopilotSettings;
  /** Steps that the copilot held back for being too many. */
  readonly heldBack: number;
  /** Why not everything could be read, a sentence each. */
  readonly problems: readonly string[];
  /** Mistakes in the settings file, a sentence each. */
  readonly settingsProblems: readonly string[];
}

/** What {@link lookAtEverything} works with. */
export interface LookContext {
  readonly cluster: SlurmClusterRef;
  /** Path of the copilot's socket. */
  readonly socket: string;
  readonly api: Api;
  readonly scontrol: Scontrol;
  readonly limits: CopilotLimits;
  readonly settingsProblems: readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Told what is done now, in words that begin a sentence. */
  readonly onProgress: (message: string) => void;
}

/** Asks the copilot, and reads everything where it has nothing to tell. Rejects only for a defect of ours. */
export async function lookAtEverything(context: LookContext): Promise<Look> {
  const { cluster, now, onProgress, socket } = context;
  onProgress(`asking the copilot on ${socket}`);
  const { copilot, view } = await askCarefully(context);
  if (view?.last === undefined) return readNow(context, copilot);
  const { last, memory, settingsProblems } = view;
  const problems = copilot.state === "does nothing" ? [copilot.message] : [];
  const { snapshot, at, settings, heldBack } = last;
  const seen = { at, snapshot, settings, heldBack, memory, seenByCopilot: true, unknown: new Set<UnknownPart>() };
  return { cluster, now: now(), copilot, ...seen, problems, settingsProblems };
}

/** A copilot's view, where it can be used, and how that copilot is. */
async function askCarefully({
  cluster,
  now,
  socket,
}: LookContext): Promise<{ readonly copilot: CopilotCondition; readonly view?: CopilotView }> {
  let view: CopilotView | undefined;
  try {
    view = await askCopilot(socket);
  } catch (error) {
    if (!(error instanceof CopilotSilentError)) throw error;
    return { copilot: { state: "does not answer", message: error.message } };
  }
  if (view === undefined) return { copilot: { state: "does not run", message: `nobody listens on ${socket}` } };
  if (view.version !== version) {
    const message = `the copilot on ${socket} is of version ${view.version}, this is ${version}: restart it`;
    return { copilot: { state: "does not answer", message } };
  }
  const itsCluster = view.last?.snapshot.cluster ?? cluster.name;
  if (itsCluster !== cluster.name) {
    return { copilot: { state: "does not run", message: `the one on ${socket} is that of ${itsCluster}` } };
  }
  if (view.standby !== undefined) return { copilot: { state: "stands by", message: view.standby } };
  const { status, body } = healthz(view, now());
  const idle = status === undefined ? view.problem : body.trim();
  if (idle !== undefined) return { copilot: { state: "does nothing", message: idle }, view };
  if (view.last === undefined) return { copilot: { state: "does nothing", message: "its first round is under way" } };
  return { copilot: { state: "runs" }, view };
}

async function readNow(context: LookContext, copilot: CopilotCondition): Promise<Look> {
  const { cluster, limits, now, onProgress, settingsProblems } = context;
  onProgress("reading Slurm and the Kubernetes API");
  const { slurm, resource, pods, problems } = await readEverything(context);
  const at = now();
  // Slurm's own defaults (slurm.conf(5)) where it does not say.
  const { longestResumeTimeout = 60, shortestSuspendTimeout = 30 } = slurm?.limits ?? {};
  const parts = { slurm, resource, pods };
  const unknown = (["slurm", "resource", "pods"] as const).filter((part) => parts[part] === undefined);
  const snapshot = makeSnapshot({
    resource: resource ?? emptyResource(cluster),
    nodes: slurm?.nodes ?? new Map(),
    pods: pods ?? new Map(),
    shortestSuspendTimeout,
  });
  const settings = copilotSettings(limits, longestResumeTimeout);
  // Strikes are in the Reasons; all conditions begin now.
  const { memory, snapshot: dated } =
    unknown.length === 0 ? decide(snapshot, emptyMemory, settings, at) : { memory: emptyMemory, snapshot };
  const seen = { at, snapshot: dated, settings, heldBack: 0, memory, seenByCopilot: false };
  return { cluster, now: at, copilot, ...seen, unknown: new Set(unknown), problems, settingsProblems };
}

/** Stands for a resource that could not be read: without groups and lists. */
function emptyResource({ namespace, name }: SlurmClusterRef): SlurmCluster {
  return { metadata: { namespace, name, uid: "", generation: 0 }, spec: {} };
}
