import { createServer } from "node:net";

/** Ports below Linux's usual ephemeral range (32768…), so that no outgoing connection can take one meanwhile. */
const LOWEST = 10_240;
const HIGHEST = 32_767;

/**
 * Finds `count` consecutive free TCP ports and resolves to the first.
 *
 * Blocks start at random multiples of a size that is the same for requests of similar size, and the first port of a block
 * is the one its user listens on all the time: so two runs on one machine can't be given overlapping blocks of that size,
 * although most ports of a block are not listened on yet.
 *
 * @param random a number in [0, 1), such as Math.random
 * @throws Error when 100 random blocks had a port in use
 */
export async function findFreePorts(count: number, random: () => number): Promise<number> {
  const size = Math.max(64, 2 ** Math.ceil(Math.log2(count)));
  const blocks = Math.floor((HIGHEST + 1 - LOWEST) / size);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const first = LOWEST + Math.floor(random() * blocks) * size;
    if (await allFree(first, count)) return first;
  }
  throw new Error(`found no ${count} consecutive free ports between ${LOWEST} and ${HIGHEST} in 100 attempts`);
}

/**
 * {@link findFreePorts} for a program that takes seconds to listen, and can't be started again when it finds its port taken:
 * nobody else gets the same block from this function before this process ends.
 *
 * A claim is a socket in Linux' abstract namespace (unix(7)): the kernel gives a name to one holder at a time, and takes it
 * back when that process is gone.
 *
 * @throws Error when findFreePorts does, or 100 blocks that it found were claimed
 */
export async function claimFreePorts(count: number, random: () => number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const first = await findFreePorts(count, random);
    if (await claim(first)) return first;
  }
  throw new Error(`found no ${count} consecutive ports that nobody has claimed in 100 attempts`);
}

function claim(first: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const holder = createServer();
    holder.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    holder.listen(`\0slurm-power-agent/ports/${first}`, () => resolve(true));
    // A claim must not keep this process alive.
    holder.unref();
  });
}

async function allFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port += 1) {
    if (!(await isFree(port))) return false;
  }
  return true;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "0.0.0.0", () => server.close(() => resolve(true)));
  });
}
