/** A server in front of kube-apiserver that breaks what passes through it, in ways the real one does not on demand. */
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";

/**
 * What happens to one request. `lost`: it reaches kube-apiserver and the answer is cut off. `cut`: the connection breaks after so many
 * milliseconds. `mute`: after so many milliseconds nothing more of the answer comes through, and the connection stays open.
 */
export type Fault =
  | { readonly kind: "pass" }
  | { readonly kind: "lost" }
  | { readonly kind: "hang" }
  | { readonly kind: "cut" | "mute"; readonly after: number }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** A running proxy. */
export interface FaultProxy {
  readonly port: number;
  /** Method, path with query and time (milliseconds) of each request seen, in order. */
  readonly seen: { readonly method: string; readonly path: string; readonly at: number }[];
  /** Breaks all connections that are open. */
  breakAll(): void;
  close(): Promise<void>;
}

/** Starts a proxy with the control plane's own certificate. `fault` is asked for each request; `count` is from 1. */
export async function startFaultProxy(
  controlPlane: Pick<ControlPlane, "folder" | "caFile" | "port">,
  fault: (method: string, count: number, path: string) => Fault,
): Promise<FaultProxy> {
  const ca = await readFile(controlPlane.caFile);
  const [cert, key] = await Promise.all(
    ["kube-apiserver.crt", "kube-apiserver.key"].map((name) => readFile(join(controlPlane.folder, name))),
  );
  const seen: { method: string; path: string; at: number }[] = [];
  const server = createServer({ cert, key }, (incoming, outgoing) => {
    const { method = "", url: path = "", headers } = incoming;
    seen.push({ method, path, at: performance.now() });
    const decided = fault(method, seen.length, path);
    if (decided.kind === "hang") return;
    if (decided.kind === "answer") {
      incoming.resume();
      outgoing.writeHead(decided.status, decided.headers).end(decided.body);
      return;
    }
    const forwarded = request({ host: "127.0.0.1", port: controlPlane.port, ca, method, path, headers }, (answer) => {
      if (decided.kind === "lost") {
        answer.resume();
        answer.on("end", () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      // A watch's answer begins before there is anything in it.
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      // A kube-apiserver that dies in the middle of an answer breaks its connections, and so do we.
      if (decided.kind !== "mute") answer.on("aborted", () => outgoing.destroy());
      if (decided.kind === "cut") setTimeout(() => outgoing.destroy(), decided.after).unref();
      if (decided.kind === "mute") setTimeout(() => answer.unpipe(outgoing).resume(), decided.after).unref();
    });
    forwarded.on("error", (error) => outgoing.destroy(error));
    outgoing.on("close", () => {
      if (!outgoing.writableFinished) forwarded.destroy();
    });
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    breakAll: () => server.closeAllConnections(),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
