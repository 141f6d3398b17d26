/**
 * Kubernetes Events on the SlurmCluster, so that `kubectl describe slurmcluster` tells what was decided and why. They are a help for people:
 * nothing hangs on one, and an API that does not take them costs one line in the log.
 */
import { KubernetesError } from "./errors.ts";
import type { Api } from "./request.ts";

/** Something to tell. `reason` is one word in CamelCase, `message` a sentence. */
export interface EventText {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** Tells of something; never rejects. */
export type RecordEvent = (text: EventText) => Promise<void>;

/** What Events are recorded about, and with. */
export interface EventOptions {
  readonly api: Api;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
  /** Shown by kubectl as the source. */
  readonly component: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Called with the first failure, and again only after one has succeeded. */
  readonly onProblem: (message: string) => void;
}

/** Within this time the same words are counted up in one Event and not told again, in milliseconds. */
const SAME = 600_000;

/** Longest message that kube-apiserver takes (pkg/apis/core/validation/events.go, NoteLengthLimit). */
const LONGEST = 1024;

/** Makes the function that records Events about one object. */
export function createEventRecorder(options: EventOptions): RecordEvent {
  const { api, object, component, now, random, onProblem } = options;
  const path = `/api/v1/namespaces/${object.namespace}/events`;
  const recent = new Map<string, { name: string; count: number; first: number }>();
  let failing = false;
  return async ({ type, reason, message }) => {
    const at = now();
    for (const [key, { first }] of recent) if (at - first > SAME) recent.delete(key);
    const key = `${type} ${reason} ${message}`;
    const known = recent.get(key);
    const time = new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
    const signal = AbortSignal.timeout(6000);
    try {
      if (known === undefined) {
        const name = `${object.name}.${Math.floor(at * 1000 + random() * 1000).toString(16)}`;
        const body = {
          apiVersion: "v1",
          kind: "Event",
          metadata: { name, namespace: object.namespace },
          involvedObject: object,
          ...{ type, reason, message: message.slice(0, LONGEST), count: 1 },
          ...{ firstTimestamp: time, lastTimestamp: time, source: { component } },
        };
        await api({ method: "POST", path, contentType: "application/json", body: JSON.stringify(body), signal });
        recent.set(key, { name, count: 1, first: at });
      } else {
        const count = known.count + 1;
        const body = JSON.stringify({ count, lastTimestamp: time });
        const contentType = "application/merge-patch+json";
        await api({ method: "PATCH", path: `${path}/${known.name}`, contentType, body, signal });
        recent.set(key, { ...known, count });
      }
      failing = false;
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      // Somebody deleted the Event that was to be counted up.
      if (error.kind === "NotFound") recent.delete(key);
      if (!failing) onProblem(`Events cannot be recorded: ${error.message}`);
      failing = true;
    }
  };
}
