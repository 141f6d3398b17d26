/**
 * Which of several copilots acts. With one slurmctld there is one copilot, beside it. With backup controllers there is one beside each:
 * only the one beside the slurmctld that serves may act, and a Lease sees to it that no two believe so at once.
 */
import { type Leadership, type LeaseOptions, leadWithLease } from "../kubernetes/lease.ts";
import type { Controller } from "../slurm/controllers.ts";

/** What the choice needs. */
export interface StandbyContext {
  /** The name of this host, as the kernel has it. */
  readonly hostname: string;
  /** Absent for whoever is not to compete with the copilot that runs on: a dry run, a single round. */
  readonly lease?: Omit<LeaseOptions, "signal" | "onLeader">;
  /** Ends every candidacy. */
  readonly signal: AbortSignal;
}

/** The choice between copilots. */
export interface Standby {
  /** Given the slurmctlds of slurm.conf: why this copilot must leave everything to another one, or `undefined` when it may act. */
  readonly reason: (controllers: readonly Controller[]) => string | undefined;
  /** Resolves after `signal` when the Lease has been given back. */
  readonly ended: () => Promise<void>;
}

/**
 * Whether the slurmctld of this host does not serve, though it is one of slurm.conf's: of those that answer the first serves. A host that
 * is none of them, a Pod beside slurmctld's own say, cannot be told from any other.
 */
export function servesElsewhere(controllers: readonly Controller[], hostname: string): string | undefined {
  const here = shortName(hostname);
  const serving = controllers.find(({ up }) => up);
  const isController = controllers.some(({ name }) => shortName(name) === here);
  return isController && serving !== undefined && shortName(serving.name) !== here ? serving.name : undefined;
}

/** Makes the choice. */
export function chooseOne({ hostname, lease, signal }: StandbyContext): Standby {
  let candidacy: { readonly end: AbortController; readonly ended: Promise<void> } | undefined;
  let leadership: Leadership | undefined;
  let leader: string | undefined;

  const apply = (options: NonNullable<typeof lease>): void => {
    if (candidacy !== undefined) return;
    const end = new AbortController();
    const candidate = {
      ...options,
      signal: AbortSignal.any([signal, end.signal]),
      onLeader: (identity: string | undefined) => {
        leader = identity;
      },
    };
    const run = async (): Promise<void> => {
      while (!candidate.signal.aborted) {
        await leadWithLease(candidate, async (held) => {
          leadership = held;
          if (!held.signal.aborted) {
            await new Promise((resolve) => held.signal.addEventListener("abort", resolve, { once: true }));
          }
          // One that was withdrawn ends later, when the next may lead already.
          if (leadership === held) leadership = undefined;
        });
      }
    };
    candidacy = { end, ended: run() };
  };
  const withdraw = (): void => {
    candidacy?.end.abort();
    candidacy = undefined;
    leadership = undefined;
  };

  let ended = Promise.resolve();
  return {
    reason: (controllers) => {
      const elsewhere = servesElsewhere(controllers, hostname);
      if (lease === undefined || controllers.length < 2 || elsewhere !== undefined) {
        ended = candidacy?.ended ?? ended;
        withdraw();
        return elsewhere === undefined ? undefined : `slurmctld of ${elsewhere} serves, and its copilot acts`;
      }
      apply(lease);
      if (leadership?.isHeld() === true) return undefined;
      return `Lease ${lease.namespace}/${lease.name} ${leader === undefined ? "is not ours yet" : `is held by ${leader}`}`;
    },
    ended: async () => {
      await (candidacy?.ended ?? ended);
    },
  };
}

function shortName(host: string): string {
  return host.replace(/\..*$/s, "");
}
