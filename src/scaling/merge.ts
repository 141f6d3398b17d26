/** Requests that come at the same time are recorded together, in the order in which they came. */
import type { Api } from "../kubernetes/request.ts";
import type { SlurmCluster, SlurmClusterRef } from "../kubernetes/slurm-cluster.ts";
import {
  type RecordRequest,
  recordRequests,
  type ScalingRequest,
  type TransactionContext,
  TransactionError,
  type TransactionOutcome,
} from "./transaction.ts";

interface Waiting {
  readonly request: ScalingRequest;
  readonly context: Omit<TransactionContext, "api">;
  readonly resolve: (outcome: TransactionOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes a function that records one request at a time for this resource, all over one API. What comes while a transaction is under way
 * waits for it and then goes into the next one, together, so that a burst takes a few patches and never conflicts with itself.
 *
 * `watched` gives the resource as a watch has it, or nothing where that is in doubt; a patch tests that it is still so.
 */
export function recordTogether(
  cluster: SlurmClusterRef,
  api: Api,
  watched: () => SlurmCluster | undefined,
): RecordRequest {
  let waiting: Waiting[] = [];
  let working = false;
  let written: SlurmCluster | undefined;
  const known = (): SlurmCluster | undefined => {
    const seen = watched();
    // The watch may not have brought our own last patch yet.
    const isNewer =
      written?.metadata.uid === seen?.metadata.uid &&
      (written?.metadata.generation ?? 0) > (seen?.metadata.generation ?? 0);
    return seen !== undefined && isNewer ? written : seen;
  };
  const record = (batch: readonly Waiting[]): Promise<void> =>
    recordBatch(cluster, batch, {
      api,
      known: known(),
      onWritten: (after) => {
        written = after;
      },
    });
  const work = async (): Promise<void> => {
    working = true;
    // What else has arrived by now goes along with the first.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await record(batch);
    }
    working = false;
  };
  return (request, context) =>
    new Promise((resolve, reject) => {
      waiting.push({ request, context, resolve, reject });
      if (!working) void work();
    });
}

/** Never rejects: each request is told what came of it. */
async function recordBatch(
  cluster: SlurmClusterRef,
  batch: readonly Waiting[],
  shared: Pick<TransactionContext, "api" | "known" | "onWritten">,
): Promise<void> {
  const [first] = batch;
  if (first === undefined) return;
  // A request that is late may be recorded late; it must not take time from the others.
  const deadline = Math.max(...batch.map(({ context }) => context.deadline));
  try {
    const requests = batch.map(({ request }) => request);
    const outcomes = await recordRequests(cluster, requests, { ...first.context, ...shared, deadline });
    for (const [position, outcome] of outcomes.entries()) batch[position]?.resolve(outcome);
  } catch (error) {
    // What fails for the way to the API, or for time, fails for each of them; one of them may be what is refused, or is a defect of ours.
    const failsAll = error instanceof TransactionError && error.kind !== "Invalid";
    if (failsAll || batch.length === 1) for (const { reject } of batch) reject(error);
    // The others must not go down with it.
    else for (const one of batch) await recordBatch(cluster, [one], { ...shared, known: undefined });
  }
}
