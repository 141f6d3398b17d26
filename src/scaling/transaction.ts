/** The one way requests get into the resource: read, plan, patch; and again, for as long as it makes sense. */

import { backoff } from "../kubernetes/backoff.ts";
import { KubernetesError, type KubernetesErrorKind, retryPolicy } from "../kubernetes/errors.ts";
import type { Api } from "../kubernetes/request.ts";
import {
  getSlurmCluster,
  type PatchOperation,
  patchSlurmCluster,
  type SlurmCluster,
  type SlurmClusterRef,
} from "../kubernetes/slurm-cluster.ts";
import { type RefusedNodeName, type ResolvedNames, resolveNames } from "../slurm/node-name.ts";
import type { Action } from "./group-sets.ts";
import { buildPatch, groupNames } from "./patch.ts";

/** A request: what slurmctld wants of which nodes. */
export interface ScalingRequest {
  readonly cluster: SlurmClusterRef;
  readonly action: Action;
  readonly names: readonly string[];
  /** Narrows what was resolved before it is planned: the place for all-or-nothing per job. Pure. */
  readonly select: (resolved: ResolvedNames) => ResolvedNames;
  /** Asked between each read and its patch which names are still meant, as the world goes on while the API is away. */
  readonly stillMeant: (names: readonly string[]) => Promise<readonly string[]>;
  readonly observer: TransactionObserver;
}

/** What the transaction needs from outside. */
export interface TransactionContext {
  readonly api: Api;
  /** Milliseconds on any clock. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** When to give up, on the clock of `now`. */
  readonly deadline: number;
  /** Plan and show, but do not write. */
  readonly dryRun: boolean;
  /** The resource as it was a moment ago, if that is known: the first try plans on it, and reads only when that is not enough. */
  readonly known?: SlurmCluster | undefined;
  /** Told what the resource is after a patch. */
  readonly onWritten?: (cluster: SlurmCluster) => void;
}

/** Told about each step of a request as it happens; the log hangs here. */
interface TransactionObserver {
  /** The resource was read; comes once, after the first read that succeeds. */
  readonly onRead: (resolved: ResolvedNames) => void;
  /** A try failed and is repeated after `wait` milliseconds. */
  readonly onRetry: (error: KubernetesError, attempt: number, wait: number) => void;
}

/**
 * How a request ended well: the patch that was written, for it and those that went with it (empty when the resource already said so),
 * and which of its names were left out.
 */
export interface TransactionOutcome {
  readonly patch: readonly PatchOperation[];
  readonly recorded: ResolvedNames["byGroup"];
  readonly refused: readonly RefusedNodeName[];
  readonly attempts: number;
}

/** Thrown when the request could not be recorded; `cause` is the last error and `kind` its kind. */
export class TransactionError extends Error {
  override readonly name = "TransactionError";
  readonly kind: KubernetesErrorKind;
  /** True when no repeat can help, false when time ran out on something that may pass. */
  readonly final: boolean;

  constructor(message: string, options: { cause: unknown; kind: KubernetesErrorKind; final: boolean }) {
    super(message, { cause: options.cause });
    this.kind = options.kind;
    this.final = options.final;
  }
}

/**
 * How long, in milliseconds, a call that is probably hopeless is repeated without any other kind of failure in between: longer than a
 * kube-apiserver on a busy machine answers 403 and 404 after its start.
 */
const DOUBT = 5000;

/** {@link recordRequest} with an API that is given already. */
export type RecordRequest = (
  request: ScalingRequest,
  context: Omit<TransactionContext, "api">,
) => Promise<TransactionOutcome>;

/** {@link recordRequests} for a single one. */
export async function recordRequest(request: ScalingRequest, context: TransactionContext): Promise<TransactionOutcome> {
  const [outcome] = await recordRequests(request.cluster, [request], context);
  return outcome as TransactionOutcome;
}

/**
 * Records requests for one resource in one patch, one after the other as they stand in the list; gives the outcome of each. Each try
 * reads the resource afresh and plans anew, so a lost answer, a concurrent writer or a repeat of the whole program never counts twice.
 * Throws {@link TransactionError}, or the error itself where it is not of the API's making; then none of them is known to be recorded.
 */
export async function recordRequests(
  cluster: SlurmClusterRef,
  requests: readonly Omit<ScalingRequest, "cluster">[],
  context: TransactionContext,
): Promise<TransactionOutcome[]> {
  const signal = AbortSignal.timeout(Math.max(0, context.deadline - context.now()));
  let meant = requests.map(({ names }) => names);
  let firstRead = true;
  let refusedVersion: string | undefined;
  let doubtedSince: number | undefined;
  let { known } = context;
  for (let attempt = 1; ; attempt += 1) {
    let version: string | undefined;
    const isFresh = known === undefined;
    try {
      const current = known ?? (await getSlurmCluster(context.api, cluster, signal));
      known = undefined;
      version = `${current.metadata.uid} ${current.metadata.generation}`;
      // After the read: whatever is recorded from here on moves the generation, and the patch fails its test.
      meant = await Promise.all(requests.map(({ stillMeant }, position) => stillMeant(meant[position] ?? [])));
      const groups = groupNames(current);
      const resolved = requests.map(({ select }, position) =>
        select(resolveNames(meant[position] ?? [], cluster.name, groups)),
      );
      // What would be written nowhere, or cannot be, is not told on the word of what may be old.
      if (!isFresh && resolved.some(({ refused }) => refused.length > 0)) continue;
      if (firstRead) for (const [position, names] of resolved.entries()) requests[position]?.observer.onRead(names);
      firstRead = false;
      const planned = requests.map(({ action }, position) => ({
        action,
        byGroup: resolved[position]?.byGroup ?? new Map<string, ReadonlySet<number>>(),
      }));
      const patch = buildPatch(current, planned);
      if (!isFresh && patch.length === 0) continue;
      if (patch.length > 0 && !context.dryRun) {
        const written = await patchSlurmCluster(context.api, cluster, patch, signal);
        if (written !== undefined) context.onWritten?.(written);
      }
      return resolved.map(({ byGroup, refused }) => ({ patch, recorded: byGroup, refused, attempts: attempt }));
    } catch (cause) {
      if (!(cause instanceof KubernetesError)) throw cause;
      const { kind, message } = cause;
      if (!isFresh && kind === "TestFailed") continue;
      const policy = retryPolicy(kind);
      doubtedSince = policy === "doubt" ? (doubtedSince ?? context.now()) : undefined;
      const doubtIsOver = doubtedSince !== undefined && context.now() - doubtedSince >= DOUBT;
      if (policy === "final" || doubtIsOver) throw new TransactionError(message, { cause, kind, final: true });
      if (kind === "TestFailed" && version === refusedVersion) {
        // Nobody changed the object between the two tries, so it is the patch itself that the API, or a webhook, refuses.
        throw new TransactionError(message, { cause, kind: "Invalid", final: true });
      }
      refusedVersion = kind === "TestFailed" ? version : undefined;
      const wait = backoff(attempt, context.random(), cause.retryAfter);
      if (context.now() + wait >= context.deadline) {
        const given = `given up after ${attempt === 1 ? "one try" : `${attempt} tries`}, as there is no time for another`;
        throw new TransactionError(`${message}; ${given}`, { cause, kind, final: false });
      }
      for (const { observer } of requests) observer.onRetry(cause, attempt, wait);
      await context.sleep(wait);
    }
  }
}
