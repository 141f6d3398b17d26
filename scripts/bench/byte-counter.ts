/** A proxy on a port of 127.0.0.1 that counts what goes through it; TLS stays end to end. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What went through since the start, in bytes, TLS included, in both directions. */
export interface ByteCounter {
  readonly port: number;
  bytes(): number;
  stop(): void;
}

/** Starts a proxy to a port of 127.0.0.1. */
export async function startByteCounter(target: number): Promise<ByteCounter> {
  let bytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => {
        bytes += chunk.length;
      });
      from.pipe(to);
      // One end that breaks breaks the other, as without a proxy.
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => bytes,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
