/** Recording the nodes of a run in the SlurmCluster, with the log lines that go with it. */
import { findConnection } from "../kubernetes/connection.ts";
import { podFiles } from "../kubernetes/in-cluster.ts";
import { createApi } from "../kubernetes/request.ts";
import { slurmClusterPath } from "../kubernetes/slurm-cluster.ts";
import { type RecordRequest, recordRequest, TransactionError } from "../scaling/transaction.ts";
import type { RefusedNodeName } from "../slurm/node-name.ts";
import { version } from "../version.ts";
import { withholdIncompleteJobs } from "./all-or-nothing.ts";
import { type FailedNode, folded } from "./failed-nodes.ts";
import type { Request } from "./invocation.ts";
import { groupEndMessage, groupMessages, metadataMessage, readMessages, waitingMessage } from "./messages.ts";
import { nodesStillParked } from "./parked-nodes.ts";

/** What came of a request. Every node is in one of the three. */
export interface Recorded {
  /** How many nodes the resource now says what was asked for. */
  readonly recorded: number;
  /** Nodes that failed for good. */
  readonly failed: readonly FailedNode[];
  /** How many nodes were not recorded for something that may pass, and are left to whoever repeats the request. */
  readonly unfinished: number;
}

/** Records the nodes of a run. Throws SettingsError where there is no way to the API, and errors that are defects of ours. */
export async function recordNodes(request: Request): Promise<Recorded> {
  const { verb, invocation, system, settings, log, started, identity, names } = request;
  const { flags, resumeFile } = invocation;
  const action = verb === "resume" ? "resume" : "suspend";
  const dryRun = flags.dryRun === true;
  for (const problem of resumeFile?.problems ?? [])
    log.warn(`the jobs that wait are not known, waking goes on: ${problem}`);
  for (const job of resumeFile?.jobs ?? []) log.info(waitingMessage(job));
  log.info(metadataMessage(identity));
  const record = system.record ?? (await recordOnOwnConnection(request));
  const cluster = { namespace: identity.namespace, name: identity.cluster };
  const jobs = settings.allOrNothing ? (resumeFile?.jobs ?? []) : [];
  const failed: FailedNode[] = [];
  let abandoned = false;
  let refused: readonly RefusedNodeName[] = [];
  try {
    const outcome = await record(
      {
        cluster,
        action,
        names,
        select: (resolved) => withholdIncompleteJobs(resolved, jobs, cluster.name),
        stillMeant: async (meant) => {
          if (system.isAwaited?.() === false) {
            if (!abandoned) log.warn(`nobody waits for this run any more, so slurm-${verb} does it`);
            abandoned = true;
            return [];
          }
          if (action === "resume") return meant;
          const { parked, others } = await nodesStillParked(meant, request);
          failed.push(...others);
          return parked;
        },
        observer: {
          onRead: (resolved) => {
            refused = resolved.refused;
            for (const message of readMessages(identity, resolved)) log.info(message);
            for (const [group, indexes] of resolved.byGroup) {
              for (const message of groupMessages(action, cluster.name, group, indexes)) log.info(message);
            }
          },
          onRetry: ({ kind, message }, attempt, wait) => {
            const level = kind === "TestFailed" || kind === "Conflict" ? "info" : "warn";
            log[level](`try ${attempt} failed: ${message}; next in ${wait} ms`);
          },
        },
      },
      {
        now: system.now,
        random: system.random,
        sleep: system.sleep,
        deadline: started + settings.deadlineSeconds * 1000,
        dryRun,
      },
    );
    if (dryRun) system.print(`PATCH ${slurmClusterPath(cluster)}\n${JSON.stringify(outcome.patch, null, 2)}\n`);
    else for (const [group, indexes] of outcome.recorded) log.info(groupEndMessage(action, group, indexes));
    const recorded = [...outcome.recorded.values()].reduce((sum, indexes) => sum + indexes.size, 0);
    failed.push(...outcome.refused.map(asFailed));
    return logged({ recorded, failed, unfinished: abandoned ? names.length - failed.length : 0 }, request);
  } catch (error) {
    if (!(error instanceof TransactionError)) throw error;
    log.error(`${verb} failed: ${error.message}`);
    if (error.final) {
      const { kind: code, message } = error;
      return { recorded: 0, failed: names.map((name) => ({ name, code, message })), unfinished: 0 };
    }
    failed.push(...refused.map(asFailed));
    return logged({ recorded: 0, failed, unfinished: names.length - failed.length }, request);
  }
}

async function recordOnOwnConnection({ verb, invocation, system, settings, log }: Request): Promise<RecordRequest> {
  const { env, flags } = invocation;
  const kubeconfig = flags.kubeconfig || env.KUBECONFIG || settings.kubeconfig;
  const onProblem = (message: string): void => log.warn(message);
  const connection = await findConnection({ kubeconfig, env, podFiles, onProblem });
  const api = createApi(connection, { userAgent: `slurm-${verb}/${version} (slurm-power-agent)`, now: system.now });
  return (request, context) => recordRequest(request, { ...context, api });
}

function logged(recorded: Recorded, { verb, log }: Request): Recorded {
  for (const [why, nodes] of Map.groupBy(recorded.failed, ({ code, message }) => `${code}: ${message}`)) {
    log.error(`${verb} node ${folded(nodes)} failed: ${why}`);
  }
  return recorded;
}

function asFailed({ name, refusal, message }: RefusedNodeName): FailedNode {
  return { name, code: refusal, message };
}
