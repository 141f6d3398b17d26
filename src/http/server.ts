/** A small HTTP server for metrics and health on a TCP port, and for the programs of the same user on a Unix socket. */
import { lstat, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { isAnswered } from "./unix-socket.ts";

/** What a route answers. */
export interface HttpAnswer {
  /** @default 200 */
  readonly status?: number;
  /** @default "text/plain; charset=utf-8" */
  readonly contentType?: string;
  readonly body: string;
}

/** Answers a request; what it throws becomes 500 with the message. */
export type HttpRoute = (request: IncomingMessage) => HttpAnswer | Promise<HttpAnswer>;

/** Where to listen: a port on all addresses unless `host` names one (0 takes a free one), or the path of a Unix socket. */
export type ListenOn = { readonly port: number; readonly host?: string } | { readonly socket: string };

/** A server that listens. */
export interface HttpServer {
  /** The port taken; 0 for a Unix socket. */
  readonly port: number;
  /** Stops listening and ends what is open. */
  close(): Promise<void>;
}

/** Thrown when a living process, of whatever user, has the Unix socket already. */
export class SocketInUseError extends Error {
  override readonly name = "SocketInUseError";
}

/** Longest that a client may take to send its request, in milliseconds. */
const REQUEST_TIMEOUT = 5000;

/**
 * Starts to listen. `routes` are by path; anything else is 404. A Unix socket is for its owner alone (mode 0600), and one that a process
 * left behind when it was killed is replaced. Throws {@link SocketInUseError}, or the system's error where the address cannot be had.
 */
export async function startHttpServer(options: {
  readonly listen: ListenOn;
  readonly routes: Readonly<Record<string, HttpRoute>>;
}): Promise<HttpServer> {
  const { listen, routes } = options;
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT }, (request, response) => {
    void answer(routes, request).then(({ status = 200, contentType = "text/plain; charset=utf-8", body }) => {
      response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(body) });
      response.end(request.method === "HEAD" ? undefined : body);
    });
  });
  if ("socket" in listen) await removeStaleSocket(listen.socket);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // A Unix socket is made, with its mode, before `listen` returns: at no time can others connect.
    const before = "socket" in listen ? process.umask(0o177) : undefined;
    try {
      server.listen("socket" in listen ? { path: listen.socket } : listen, () => resolve());
    } finally {
      if (before !== undefined) process.umask(before);
    }
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    close: () => close(server),
  };
}

async function answer(routes: Readonly<Record<string, HttpRoute>>, request: IncomingMessage): Promise<HttpAnswer> {
  const path = (request.url ?? "").replace(/\?.*/s, "");
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return { status: 404, body: `there is ${Object.keys(routes).join(", ")}\n` };
  try {
    return await route(request);
  } catch (error) {
    return { status: 500, body: `${(error as Error).message}\n` };
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  if (await isAnswered(path)) throw new SocketInUseError(`another process listens on ${path}`);
  try {
    // Anything else at that path is somebody's file.
    if (!(await lstat(path)).isSocket()) throw new Error(`${path} is there and is no socket`);
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
