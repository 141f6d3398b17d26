/**
 * A collection of Kubernetes objects, kept up to date by list and watch, in memory only what a reduction leaves of each.
 *
 * The objects of another moment are worse than none for whoever deletes by them, so everything in here that is in doubt ends in a new
 * list: a version the server no longer has (410), a line that is no event, an error in the middle of a watch, and silence. A server
 * sends a bookmark about once a minute; after half as long again without one the connection is taken for dead, whatever the kernel
 * says of it. kube-apiserver leaves bookmarks out while no object of the kind has changed anywhere in the cluster since the watch began
 * (cacher.go; seen with 1.20), unless its etcd notifies progress. Such quiet collections are listed every 90 s, busy ones only now and
 * then, see `resyncInterval`.
 */
import { isDeepStrictEqual } from "node:util";
import { backoff } from "./backoff.ts";
import { KubernetesError, retryPolicy } from "./errors.ts";
import { createLineSplitter } from "./lines.ts";
import { type Collection, listObjects } from "./list.ts";
import type { Api } from "./request.ts";
import type { OpenStream } from "./stream.ts";
import { type KeyOf, nameOf, parseWatchEvent, type WatchEvent } from "./watch-event.ts";

/** What {@link watchObjects} watches, and how. Times are milliseconds. */
export interface WatchOptions<T> {
  /** Makes the lists. */
  readonly api: Api;
  /** Opens the watches. */
  readonly openStream: OpenStream;
  readonly collection: Collection;
  /** What is kept of an object as the API returns it; undefined for nothing. */
  readonly reduce: (object: unknown) => T | undefined;
  /**
   * What objects are known by.
   *
   * @default their names
   */
  readonly keyOf?: KeyOf;
  /** Called after reduced objects, or {@link Freshness.synced}, have become different; once for events that came together. */
  readonly onChange: () => void;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Ends it. */
  readonly signal: AbortSignal;
  /**
   * How long the server keeps a watch open, at least; up to a quarter more at random, so that the watches of many do not end together.
   *
   * @default 240_000
   */
  readonly watchTimeout?: number;
  /**
   * Longest silence before the objects are listed again, over all connections of that time. Above the minute between bookmarks
   * (kube-apiserver, cacher.go `defaultBookmarkFrequency`).
   *
   * @default 90_000
   */
  readonly idleTimeout?: number;
  /**
   * The objects are listed again this often even if nothing seems wrong. A watch misses nothing that a list would find, so this only
   * bounds how long an unknown defect could last; a list makes the server read every object from etcd, so it is rare.
   *
   * @default 600_000
   */
  readonly resyncInterval?: number;
}

/** How far the objects can be believed. */
interface Freshness {
  /** All objects are known, and nothing has gone wrong since the server last answered a list or opened a watch. */
  readonly synced: boolean;
  /**
   * Up to when the objects are known to be the server's, in epoch milliseconds: the start of the last list, or the arrival of the last
   * event or bookmark. Opening a watch is not enough: something between us and the server may answer and hold the events back. Absent
   * before the first list. It gets a minute old where there are bookmarks, and as old as {@link WatchOptions.idleTimeout} where not.
   */
  readonly lastContact?: number;
  /** Why not synced; absent when synced, and until the first list has succeeded or failed. */
  readonly problem?: KubernetesError;
}

/** The objects of {@link watchObjects}. */
export interface WatchedObjects<T> {
  /** By name, or what {@link WatchOptions.keyOf} gives, as they are now: the map changes with the next event. */
  readonly objects: ReadonlyMap<string, T>;
  freshness(): Freshness;
  /** Resolves with the first complete list, or when the signal is aborted. */
  readonly ready: Promise<void>;
  /** Resolves when the signal was aborted and nothing runs any more. */
  readonly ended: Promise<void>;
}

/** A watch that lived so long was not part of what went wrong before, in milliseconds. */
const STEADY = 5000;

/**
 * Largest bounds of the wait before the next try, in milliseconds: after a watch that was open and has ended, as events wait meanwhile;
 * for what passes by itself; and for what somebody must mend.
 */
const BRISK = 1000;
const SLOW = 5000;
const SLOWEST = 30_000;

/** Longest that a Retry-After is obeyed, in milliseconds: nobody restarts us after one that asks for a day. */
const LONGEST_RETRY_AFTER = 60_000;

/** Longest line of a watch in bytes. etcd takes no object over 1.5 MiB; as JSON it may be a few times as long. */
const LINE_LIMIT = 16 * 1024 * 1024;

/**
 * Starts to list and watch, at once and until the signal is aborted. Never throws or rejects: what goes wrong is tried again for ever,
 * and {@link WatchedObjects.freshness} tells of it.
 */
export function watchObjects<T>(options: WatchOptions<T>): WatchedObjects<T> {
  const { api, collection, now, onChange, openStream, random, reduce, signal, sleep } = options;
  const { keyOf = nameOf, idleTimeout = 90_000, resyncInterval = 600_000, watchTimeout = 240_000 } = options;
  const ready = Promise.withResolvers<void>();
  let objects = new Map<string, T>();
  let resourceVersion: string | undefined;
  let lastList = 0;
  let lastContact: number | undefined;
  let problem: KubernetesError | undefined;
  let synced = false;
  /** When the present watch was opened. */
  let opened: number | undefined;

  const settle = (failure: KubernetesError | undefined, changed: boolean): void => {
    const wasSynced = synced;
    problem = failure;
    synced = failure === undefined;
    if (changed || synced !== wasSynced) onChange();
  };

  /** Milliseconds until a list is due, if nothing is heard till then. No clock that was set back makes it later than it should be. */
  const untilList = (): number =>
    resourceVersion === undefined
      ? 0
      : Math.min(Math.min((lastContact ?? 0) - now(), 0) + idleTimeout, Math.min(lastList - now(), 0) + resyncInterval);

  const list = async (): Promise<void> => {
    const started = now();
    const listed = new Map<string, T>();
    resourceVersion = undefined;
    const version = await listObjects(api, collection, signal, (items) => {
      for (const item of items) put(listed, item, { reduce, keyOf });
    });
    const changed = !isDeepStrictEqual(listed, objects);
    objects = listed;
    resourceVersion = version;
    lastList = started;
    lastContact = started;
    settle(undefined, changed);
    ready.resolve();
  };

  const apply = (event: WatchEvent): boolean => {
    resourceVersion = event.resourceVersion;
    if (event.kind === "changed") return put(objects, event.object, { reduce, keyOf });
    return event.kind === "deleted" && objects.delete(event.key);
  };

  /** Follows one watch until the server ends it or a list is due. */
  const follow = async (): Promise<void> => {
    const listDue = new AbortController();
    const arm = (): NodeJS.Timeout => setTimeout(() => listDue.abort(), untilList());
    let timer = arm();
    try {
      const path = watchPath(collection, resourceVersion ?? "", watchTimeout * (1 + random() / 4));
      const chunks = await openStream({ path, signal: AbortSignal.any([signal, listDue.signal]) });
      opened = now();
      settle(undefined, false);
      const split = createLineSplitter(LINE_LIMIT);
      for await (const chunk of chunks) {
        const events = split(chunk).map((line) => parseWatchEvent(`GET ${path}`, line, now(), keyOf));
        if (events.length === 0) continue;
        lastContact = now();
        if (events.map(apply).includes(true)) onChange();
        clearTimeout(timer);
        timer = arm();
      }
    } catch (error) {
      if (!listDue.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  };

  const run = async (): Promise<void> => {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      opened = undefined;
      try {
        if (untilList() <= 0) await list();
        await follow();
      } catch (error) {
        if (signal.aborted) break;
        const failure = asKubernetesError(error);
        if (needsList(failure, opened !== undefined)) resourceVersion = undefined;
        settle(failure, false);
      }
      if (opened !== undefined && now() - opened >= STEADY) attempt = 1;
      const retryAfter = problem?.retryAfter && Math.min(problem.retryAfter, LONGEST_RETRY_AFTER);
      await sleep(backoff(attempt, random(), retryAfter, longestWait(problem, opened !== undefined)), signal);
    }
    ready.resolve();
  };

  const ended = run();
  return {
    get objects() {
      return objects;
    },
    freshness: () => ({
      synced,
      ...(lastContact !== undefined && { lastContact }),
      ...(problem !== undefined && { problem }),
    }),
    ready: ready.promise,
    ended,
  };
}

/** Keeps what is left of an object. Tells whether that is different from what was kept. */
function put<T>(
  objects: Map<string, T>,
  object: unknown,
  { reduce, keyOf }: { readonly reduce: (object: unknown) => T | undefined; readonly keyOf: KeyOf },
): boolean {
  const key = keyOf(object);
  if (key === undefined) throw new KubernetesError("Malformed", "the API listed an object without a name");
  const reduced = reduce(object);
  if (reduced === undefined) return objects.delete(key);
  if (isDeepStrictEqual(objects.get(key), reduced)) return false;
  objects.set(key, reduced);
  return true;
}

function watchPath({ path, selector }: Collection, resourceVersion: string, timeout: number): string {
  const query = new URLSearchParams({
    ...selector,
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion,
    timeoutSeconds: String(Math.ceil(timeout / 1000)),
  });
  return `${path}?${query}`;
}

/**
 * Whether the next watch cannot go on where this one stopped. One that could not be opened: its version is too old, or none. One that
 * was open: all but a broken connection, as a line may have been lost.
 */
function needsList({ kind }: KubernetesError, wasOpen: boolean): boolean {
  return wasOpen ? kind !== "Network" : kind === "Gone" || kind === "Invalid";
}

function longestWait(problem: KubernetesError | undefined, wasOpen: boolean): number {
  if (problem === undefined || (wasOpen && problem.kind === "Network")) return BRISK;
  return retryPolicy(problem.kind) === "retry" ? SLOW : SLOWEST;
}

/** A defect of ours, in `reduce` say, must not end the watch unnoticed: it is a problem like any other, and listed again. */
function asKubernetesError(error: unknown): KubernetesError {
  if (error instanceof KubernetesError) return error;
  const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new KubernetesError("Malformed", `defect in the watch, please report it: ${said}`, { cause: error });
}
