import type { Cluster } from "../../scripts/cluster/cluster.ts";
import { waitFor } from "./wait-for.ts";

/**
 * Waits until no process in the first containers of these Pods has ended without its parent's taking leave of it. One that has just ended
 * may be such a zombie for a moment; one that is left stays as long as its container.
 */
export async function untilNoZombies({ kubectl }: Cluster, ...pods: readonly string[]): Promise<void> {
  for (const pod of pods) {
    // A process that ends meanwhile cannot be read. The file of each is a line, `PID (name) state …`; a name may hold blanks.
    const look = () => kubectl(["exec", pod, "--", "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null || true"]);
    const zombies = (stats: string): boolean => /^\d+ \(.*\) Z /m.test(stats);
    await waitFor(
      `the processes of ${pod} to have no zombie among them`,
      look,
      (stats) => /^1 \(/m.test(stats) && !zombies(stats),
      30_000,
    );
  }
}
