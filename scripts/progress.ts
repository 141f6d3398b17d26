/** Tells what is going on, on standard error, in the form of scripts/setup-functions.sh. */
export interface Progress {
  /** One line, e.g. `cluster: kubelet is ready`. */
  readonly say: (text: string) => void;
  /**
   * Says `text ...`, waits for the work, and says how long it took or that it failed; while it runs, a line each 20 s.
   *
   * @throws what the work throws
   */
  readonly step: <T>(text: string, work: () => Promise<T>) => Promise<T>;
}

/**
 * Makes a {@link Progress} whose lines start with a name.
 *
 * @param write takes one line with its end
 * @param now milliseconds of a clock that never goes back
 */
export function createProgress(
  name: string,
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): Progress {
  const say: Progress["say"] = (text) => write(`${name}: ${text}\n`);
  return {
    say,
    step: async (text, work) => {
      const started = now();
      const elapsed = (): string => `${((now() - started) / 1000).toFixed(1)} s`;
      say(`${text} ...`);
      const reminder = setInterval(() => say(`  ... ${text}: ${elapsed()} so far`), 20_000);
      try {
        const result = await work();
        say(`${text}: done in ${elapsed()}`);
        return result;
      } catch (error) {
        say(`${text}: failed after ${elapsed()}`);
        throw error;
      } finally {
        clearInterval(reminder);
      }
    },
  };
}
