const cleanups: (() => void)[] = [];
const fatalSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Registers what must happen when this process ends without having cleaned up: when it exits, or when SIGINT, SIGTERM
 * or SIGHUP ends it. The last registered runs first. Actions are synchronous because Node waits for nothing at exit.
 * A signal that the program handles itself is left to it; its exit then runs the actions.
 *
 * @returns a function that takes the action back, once it is no longer needed; repeating it is harmless
 */
export function cleanUpAtExit(action: () => void): () => void {
  // A wrapper, so that registering one function twice and taking one back does what it says.
  const entry = (): void => action();
  if (cleanups.length === 0) {
    process.on("exit", runCleanups);
    for (const signal of fatalSignals) process.on(signal, onFatalSignal);
  }
  cleanups.push(entry);
  return () => {
    const index = cleanups.indexOf(entry);
    if (index === -1) return;
    cleanups.splice(index, 1);
    // Without listeners of ours signals end the process at once, as is usual.
    if (cleanups.length === 0) {
      process.off("exit", runCleanups);
      for (const signal of fatalSignals) process.off(signal, onFatalSignal);
    }
  };
}

function runCleanups(): void {
  for (const action of cleanups.toReversed()) {
    try {
      action();
    } catch (error) {
      // The other actions must still run; there is nobody left to throw to.
      console.error("clean-up at exit failed:", error);
    }
  }
}

function onFatalSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  runCleanups();
  process.off("exit", runCleanups);
  process.off(signal, onFatalSignal);
  process.kill(process.pid, signal);
}
