/** Unix sockets from the side of those who use one. */
import { existsSync } from "node:fs";
import { connect } from "node:net";

/**
 * Whether a process has a Unix socket; false where there is none, or one that a killed process left behind. A process that hangs has it
 * (EAGAIN when its queue is full), and so has one of another user (EACCES).
 */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", ({ code }: NodeJS.ErrnoException) => {
      const isNobodys = code === "ECONNREFUSED" || code === "ENOENT" || code === "ENOTDIR";
      // In a folder that keeps us out there is no telling.
      resolve(!isNobodys && existsSync(path));
    });
  });
}
