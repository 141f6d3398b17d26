import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import { watchForChanges } from "./stand-in-api.ts";

/** Looks at everything again and again, one look at a time. */
export interface Rounds {
  /** Asks for another look, half a second from now. */
  readonly again: () => void;
  /** Ends it; a look that is under way is finished. */
  readonly stop: () => Promise<void>;
}

/** What is watched: changes there lead to a look. */
export interface Watched {
  readonly path: string;
  readonly selector: object;
}

/** Looks now and after every change; a look that fails is logged and tried again half a second later. */
export function startRounds(
  controlPlane: Pick<ControlPlane, "adminKubeconfig">,
  watched: readonly Watched[],
  look: () => Promise<void>,
  log: (message: string) => void,
): Rounds {
  let running: Promise<void> | undefined;
  let due = false;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;
  const again = (): void => {
    clearTimeout(retry);
    retry = setTimeout(wake, 500);
  };
  /** Looks now, or once more after the present round. */
  const wake = (): void => {
    if (stopped) return;
    due = true;
    running ??= (async () => {
      while (due && !stopped) {
        due = false;
        await look().catch((error: unknown) => {
          if (stopped) return;
          log(`failed: ${error instanceof Error ? error.message : String(error)}`);
          again();
        });
      }
      running = undefined;
    })();
  };
  const unwatch = watched.map(({ path, selector }) => watchForChanges(controlPlane, path, selector, wake));
  return {
    again,
    stop: async () => {
      stopped = true;
      clearTimeout(retry);
      for (const end of unwatch) end();
      await running;
    },
  };
}
