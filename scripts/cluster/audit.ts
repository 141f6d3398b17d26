import { readFile } from "node:fs/promises";

/**
 * One request in kube-apiserver's audit log, as audit.k8s.io/v1 writes it at level Metadata; only the fields that are
 * of use here.
 */
export interface AuditEvent {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, ... */
  readonly verb: string;
  /** Path with its query. */
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
  /** RFC 3339 with microseconds. */
  readonly requestReceivedTimestamp: string;
  /** When the answer was complete; RFC 3339 with microseconds. */
  readonly stageTimestamp: string;
}

/** Records each finished request once, except those that kube-apiserver sends to itself. */
export const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: None
    users: [system:apiserver]
  - level: Metadata
`;

/** Reads an audit log; a last line that is still being written is left out. */
export async function readAuditLog(path: string): Promise<AuditEvent[]> {
  const text = await readFile(path, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditEvent);
}
