/** One line of a watch. */
import { errorFromResponse, KubernetesError } from "./errors.ts";

/**
 * What a line says. `changed`: the object is new or different. `deleted`: it is gone, or the selector no longer selects it. `bookmark`:
 * nothing more has happened up to this version (Kubernetes API concepts, "Watch bookmarks").
 */
export type WatchEvent =
  | {
      readonly kind: "changed";
      readonly key: string;
      readonly resourceVersion: string;
      readonly object: unknown;
    }
  | { readonly kind: "deleted"; readonly key: string; readonly resourceVersion: string }
  | { readonly kind: "bookmark"; readonly resourceVersion: string };

interface RawEvent {
  readonly type?: unknown;
  readonly object?: { readonly code?: unknown; readonly metadata?: { readonly resourceVersion?: unknown } } | null;
}

/** What tells an object from the others of its collection; undefined for what is none. */
export type KeyOf = (object: unknown) => string | undefined;

/**
 * Reads a line. `call` is for messages ("GET /api/…"), `now` in epoch milliseconds.
 *
 * Throws {@link KubernetesError}: for an event of type ERROR what its Status says, "Gone" above all, and "Malformed" for everything that
 * is not an event.
 */
export function parseWatchEvent(call: string, line: string, now: number, keyOf: KeyOf = nameOf): WatchEvent {
  const { type, object } = parseJson(call, line);
  if (type === "ERROR") {
    const status = typeof object?.code === "number" ? object.code : 500;
    throw errorFromResponse(call, { status, retryAfter: undefined, body: JSON.stringify(object ?? {}) }, now);
  }
  const resourceVersion = object?.metadata?.resourceVersion;
  if (typeof resourceVersion === "string" && resourceVersion !== "") {
    if (type === "BOOKMARK") return { kind: "bookmark", resourceVersion };
    const key = keyOf(object);
    if (key !== undefined) {
      if (type === "ADDED" || type === "MODIFIED") return { kind: "changed", key, resourceVersion, object };
      if (type === "DELETED") return { kind: "deleted", key, resourceVersion };
    }
  }
  throw new KubernetesError("Malformed", `${call}: not an event of a watch: ${line.slice(0, 200)}`);
}

/** The name of an object as the API returns it; undefined for what is none. */
export function nameOf(object: unknown): string | undefined {
  return metadataOf(object, "name");
}

/** `namespace/name`, for collections of several namespaces; undefined for what has not both. */
export function namespacedNameOf(object: unknown): string | undefined {
  const namespace = metadataOf(object, "namespace");
  const name = metadataOf(object, "name");
  return namespace && name && `${namespace}/${name}`;
}

function metadataOf(object: unknown, field: "name" | "namespace"): string | undefined {
  const { metadata } = (object ?? {}) as { metadata?: Record<string, unknown> | null };
  const value = metadata?.[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function parseJson(call: string, line: string): RawEvent {
  try {
    return (JSON.parse(line) ?? {}) as RawEvent;
  } catch (cause) {
    throw new KubernetesError("Malformed", `${call}: a line of the watch is not JSON: ${line.slice(0, 200)}`, {
      cause,
    });
  }
}
