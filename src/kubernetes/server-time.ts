/** The clock of the Kubernetes API. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Connection } from "./connection.ts";
import { errorFromSocket, KubernetesError } from "./errors.ts";
import { beginCall, prepareCall } from "./request.ts";

/**
 * How far the server's clock is ahead of ours in milliseconds, from the Date header of an answer, whatever that answer is; a Date has whole
 * seconds. `undefined` when there is no Date. Throws KubernetesError.
 */
export async function serverClockAhead(
  connection: Connection,
  options: { readonly userAgent: string; readonly now: () => number; readonly signal: AbortSignal },
): Promise<number | undefined> {
  const { now, signal, userAgent } = options;
  const call = { method: "GET", path: "/version", signal, timeout: 6000, userAgent } as const;
  const { name, requestOptions } = await prepareCall(connection, call);
  try {
    const outgoing = beginCall(name, { ...requestOptions, agent: false, signal });
    outgoing.end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const answered = now();
    incoming.destroy();
    const time = Date.parse(incoming.headers.date ?? "");
    // In the middle of the second that the Date names.
    return Number.isNaN(time) ? undefined : time + 500 - answered;
  } catch (cause) {
    if (cause instanceof KubernetesError) throw cause;
    throw errorFromSocket(name, cause);
  }
}
