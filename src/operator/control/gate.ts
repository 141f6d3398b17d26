/** Lets only so many calls be under way at once, so that none waits for a connection where nobody can take it back. */

/** Does the work when there is a place for it, in the order in which it was asked for. */
type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes one with so many places. */
export function createGate(places: number): Gate {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Handed on, not given back: nobody who asks in this moment is to come before those who wait.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
