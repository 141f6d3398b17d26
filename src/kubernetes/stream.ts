/** Calls whose answer goes on and on: watches. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Connection } from "./connection.ts";
import { errorFromResponse, errorFromSocket, KubernetesError } from "./errors.ts";
import { beginCall, prepareCall } from "./request.ts";

/**
 * GETs a path and gives the answer's chunks as they come. Rejects with {@link KubernetesError} for an answer that is not 2xx or does not
 * begin in time, and so does the iteration when the connection breaks; it ends where the server ends it. `signal` breaks it off.
 */
export type OpenStream = (call: {
  readonly path: string;
  readonly signal: AbortSignal;
}) => Promise<AsyncIterable<Buffer>>;

/** How {@link createStreams} behaves. */
export interface StreamOptions {
  /** The User-Agent header, so that an audit log tells the programs apart. */
  readonly userAgent: string;
  /**
   * Longest until the answer begins, in milliseconds. kube-apiserver answers a watch at once, before there is any event.
   *
   * @default 6000
   */
  readonly timeout?: number;
  /** The clock, in epoch milliseconds: a Retry-After may be a date. */
  readonly now: () => number;
}

/** Silence after which the kernel asks whether the other side is still there, in milliseconds; it gives up about ten seconds later. */
const KEEPALIVE = 15_000;

/**
 * Opens streams, each on a connection of its own with credentials read afresh: one that has gone dead is never used again, and one that
 * lasts for minutes keeps no other call waiting.
 */
export function createStreams(connection: Connection, options: StreamOptions): OpenStream {
  const { now, timeout = 6000, userAgent } = options;
  return async ({ path, signal }) => {
    const { name, requestOptions } = await prepareCall(connection, { method: "GET", path, signal, timeout, userAgent });
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeout);
    try {
      const ends = AbortSignal.any([signal, late.signal]);
      const outgoing = beginCall(name, { ...requestOptions, agent: false, signal: ends });
      // After the answer has begun, what breaks the connection is told to whoever reads the answer.
      outgoing.on("error", () => {});
      outgoing.end();
      const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
      incoming.socket.setKeepAlive(true, KEEPALIVE);
      const status = incoming.statusCode ?? 0;
      if (status >= 200 && status <= 299) return chunksOf(incoming, name);
      const retryAfter = incoming.headers["retry-after"];
      throw errorFromResponse(name, { status, retryAfter, body: await textOf(incoming) }, now());
    } catch (cause) {
      if (cause instanceof KubernetesError) throw cause;
      if (late.signal.aborted) throw new KubernetesError("Timeout", `${name}: no answer within ${timeout / 1000} s`);
      throw errorFromSocket(name, cause);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function* chunksOf(incoming: IncomingMessage, name: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of incoming) yield chunk as Buffer;
  } catch (cause) {
    throw errorFromSocket(name, cause);
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
