/** Where a copilot can be asked: its socket, of which there is one for each slurmctld, and a port. */
import {
  type HttpRoute,
  type HttpServer,
  type ListenOn,
  SocketInUseError,
  startHttpServer,
} from "../../http/server.ts";
import type { Log } from "../../settings/log.ts";
import type { Settings } from "../../settings/settings.ts";
import { sleepUntilAborted } from "./sleep.ts";

/** What {@link listen} needs. Routes are by path. */
export interface ListenContext {
  readonly settings: Pick<Settings, "copilotSocket" | "metricsPort">;
  /** What anybody may ask. */
  readonly routes: Readonly<Record<string, HttpRoute>>;
  /** What only the copilot's own user and root may, over the socket. */
  readonly ownRoutes: Readonly<Record<string, HttpRoute>>;
  readonly log: Log;
  /** Ends the wait for the socket. */
  readonly signal: AbortSignal;
}

/** How often a copilot that finds another one on its socket looks again, in milliseconds. */
const TAKEN = 10_000;

/**
 * Takes the socket, then the port; while another copilot has the socket this one stands by. An address that cannot be had for another
 * reason is told and done without: whoever cannot ask the copilot is worse off, but nodes are not.
 */
export async function listen({ settings, routes, ownRoutes, log, signal }: ListenContext): Promise<HttpServer[]> {
  const { copilotSocket, metricsPort } = settings;
  const socket = await listenAlone(copilotSocket, { ...routes, ...ownRoutes }, log, signal);
  const port = metricsPort === 0 || signal.aborted ? undefined : await tryToListen({ port: metricsPort }, routes, log);
  return [socket, port].filter((server) => server !== undefined);
}

async function listenAlone(
  socket: string,
  routes: ListenContext["routes"],
  log: Log,
  signal: AbortSignal,
): Promise<HttpServer | undefined> {
  for (let told = false; !signal.aborted; told = true) {
    try {
      return await tryToListen({ socket }, routes, log);
    } catch (error) {
      if (!(error instanceof SocketInUseError)) throw error;
      if (!told) {
        log.warn(`stands by: another copilot has ${socket} (if none runs, one of another user left it: remove it)`);
      }
      await sleepUntilAborted(TAKEN, signal);
    }
  }
  return undefined;
}

async function tryToListen(on: ListenOn, routes: ListenContext["routes"], log: Log): Promise<HttpServer | undefined> {
  try {
    return await startHttpServer({ listen: on, routes });
  } catch (error) {
    if (error instanceof SocketInUseError) throw error;
    const where = "socket" in on ? on.socket : `port ${on.port}`;
    log.error(`cannot listen on ${where}, goes on without: ${(error as Error).message}`);
    return undefined;
  }
}
