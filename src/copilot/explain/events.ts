/** Kubernetes Events, for people. Pure. */
import { oneLine } from "../../text/one-line.ts";

/** One Event. */
export interface ToldEvent {
  /** Epoch milliseconds when it was last seen. */
  readonly time: number;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  /** How often it was seen. */
  readonly count: number;
}

/** The fields that are read; everything may be missing (Kubernetes API reference, Event v1: kubelet and scheduler fill different ones). */
interface RawEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | null;
  readonly metadata?: { readonly creationTimestamp?: string };
}

/** Reads an Event as the API returns it. */
export function toToldEvent(event: unknown): ToldEvent {
  const { type, reason, message, count, lastTimestamp, eventTime, series, metadata } = (event ?? {}) as RawEvent;
  const time = Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? "");
  return {
    time: Number.isNaN(time) ? 0 : time,
    type: type ?? "Normal",
    reason: oneLine(reason ?? ""),
    message: oneLine(message ?? ""),
    count: series?.count ?? count ?? 1,
  };
}
