/** Asking an HTTP server on a Unix socket. */
import { request } from "node:http";

/**
 * GETs a path. Rejects with the system's error, whose `code` is ENOENT or ECONNREFUSED where nobody listens and EACCES where this user may
 * not ask, and with an Error for an answer that is not 200 or does not come within `timeout` milliseconds.
 */
export function getFromSocket(socketPath: string, path: string, timeout = 5000): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, signal: AbortSignal.timeout(timeout) }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        if (incoming.statusCode === 200) resolve(body);
        else reject(new Error(`GET ${path} on ${socketPath}: ${incoming.statusCode} ${body.trim().slice(0, 200)}`));
      });
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      if (error.name !== "TimeoutError" && error.name !== "AbortError") reject(error);
      else reject(new Error(`GET ${path} on ${socketPath}: no answer within ${timeout / 1000} s`, { cause: error }));
    });
    outgoing.end();
  });
}
