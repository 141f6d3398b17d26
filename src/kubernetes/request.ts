/** HTTPS connections to the Kubernetes API, kept open between the calls of a program. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import type { Connection, Credentials } from "./connection.ts";
import { errorFromResponse, errorFromSocket, KubernetesError } from "./errors.ts";

/** One call. `path` begins with a slash; `signal` ends the call with the signal's reason as error. */
interface ApiRequest {
  readonly method: "DELETE" | "GET" | "PATCH" | "POST" | "PUT";
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Makes a call and gives the parsed JSON of a 2xx answer. Throws {@link KubernetesError} for everything else. */
export type Api = (request: ApiRequest) => Promise<unknown>;

/** How {@link createApi} behaves. */
export interface ApiOptions {
  /** The User-Agent header, so that an audit log tells the programs apart. */
  readonly userAgent: string;
  /**
   * Longest a single call may take, in milliseconds: a server that hangs must leave time for another try.
   *
   * @default 6000
   */
  readonly timeout?: number;
  /**
   * How many calls may be under way at once, each on a TLS connection of its own; further ones wait.
   *
   * @default 1
   */
  readonly connections?: number;
  /** The clock, in epoch milliseconds: a Retry-After may be a date. */
  readonly now: () => number;
}

/**
 * Opens the API. Nothing is sent before the first call, and connections are kept open for the next ones.
 * Credentials are read afresh at each call, as the kubelet replaces the token file about once an hour.
 */
export function createApi(connection: Connection, options: ApiOptions): Api {
  const { connections = 1, now, timeout = 6000, userAgent } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return async (call) => {
    const { name, requestOptions } = await prepareCall(connection, { ...call, timeout, userAgent });
    const answer = await send({ ...requestOptions, agent }, { name, body: call.body, timeout, signal: call.signal });
    if (answer.status < 200 || answer.status > 299) throw errorFromResponse(name, answer, now());
    try {
      return JSON.parse(answer.body) as unknown;
    } catch (cause) {
      throw new KubernetesError("Malformed", `${name}: the answer is not JSON`, { cause });
    }
  };
}

/**
 * What Node needs for a call, with credentials read afresh, and the call's name for messages. Throws {@link KubernetesError} of kind
 * "Credentials" where those cannot be had within `timeout` milliseconds.
 */
export async function prepareCall(
  connection: Connection,
  call: ApiRequest & { readonly timeout: number; readonly userAgent: string },
): Promise<{ readonly name: string; readonly requestOptions: RequestOptions }> {
  const { body, contentType, method, path, signal, timeout, userAgent } = call;
  const name = `${method} ${connection.origin}${connection.basePath}${path}`;
  const { headers, ...credentials } = await credentialsFor(
    connection,
    name,
    AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
  );
  const requestOptions: RequestOptions = {
    ...credentials,
    host: connection.host,
    port: connection.port,
    method,
    path: connection.basePath + path,
    headers: {
      ...headers,
      Accept: "application/json",
      "User-Agent": userAgent,
      ...(body !== undefined && {
        "Content-Type": contentType ?? "application/json",
        "Content-Length": Buffer.byteLength(body),
      }),
    },
  };
  return { name, requestOptions };
}

/** The connection's credentials, or why there are none. A login program that hangs must not outlive the call. */
async function credentialsFor(connection: Connection, name: string, signal: AbortSignal): Promise<Credentials> {
  try {
    return await Promise.race([connection.credentials(), rejectOnAbort(signal)]);
  } catch (cause) {
    throw new KubernetesError("Credentials", `${name}: ${(cause as Error).message}`, { cause });
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(new Error("no credentials in time", { cause: signal.reason }));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

/**
 * Begins a call as {@link prepareCall} prepared it. Node looks at certificate, key and headers right here, before it connects; throws
 * {@link KubernetesError} of kind "Credentials" for what it cannot use, such as a file that is half written, or a certificate that was
 * replaced a moment before its key.
 */
export function beginCall(
  name: string,
  options: RequestOptions,
  onAnswer?: (incoming: IncomingMessage) => void,
): ClientRequest {
  try {
    return request(options, onAnswer);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // All else that it looks at is made of names that were checked.
    if (code === "ERR_UNESCAPED_CHARACTERS") throw cause;
    throw new KubernetesError("Credentials", `${name}: certificate, key or token cannot be used: ${message}`, {
      cause,
    });
  }
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

function send(
  options: RequestOptions,
  call: { name: string; body: string | undefined; timeout: number; signal: AbortSignal },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = beginCall(call.name, options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", (cause) => settle(() => reject(errorFromSocket(call.name, cause))));
      incoming.on("end", () =>
        settle(() =>
          resolve({
            status: incoming.statusCode ?? 0,
            retryAfter: incoming.headers["retry-after"],
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        ),
      );
    });
    const giveUp = (error: unknown): void =>
      settle(() => {
        outgoing.destroy();
        reject(error);
      });
    const onAbort = (): void =>
      giveUp(
        new KubernetesError("Timeout", `${call.name}: no answer before the deadline`, { cause: call.signal.reason }),
      );
    const timer = setTimeout(
      () => giveUp(new KubernetesError("Timeout", `${call.name}: no answer within ${call.timeout / 1000} s`)),
      call.timeout,
    );
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      call.signal.removeEventListener("abort", onAbort);
      finish();
    };
    outgoing.on("error", (cause) => settle(() => reject(errorFromSocket(call.name, cause))));
    call.signal.addEventListener("abort", onAbort);
    if (call.signal.aborted) onAbort();
    else outgoing.end(call.body);
  });
}
