/** What Slurm said of its nodes over time, and which Pods were asked to end meanwhile, to tell afterwards whether each was right. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CopilotSystem } from "./copilot-system.ts";
import { loggedLater, loggedSteps } from "./slurmctld-log.ts";

/** Slurm's nodes at one moment. */
interface Look {
  /** Epoch milliseconds when the answer was there. */
  readonly at: number;
  readonly states: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A name that appeared in podsToBeDeleted. */
interface Suspension {
  readonly at: number;
  readonly node: string;
}

/** A history that grows. */
export interface SlurmHistory {
  /** While `act` writes the lists, this name in podsToBeDeleted is the test's own doing. */
  expectSuspension(node: string, act: () => Promise<void>): Promise<void>;
  /** Whether jobs were given to a node within the last so many milliseconds, after it had none. */
  hasNewJobs(node: string, milliseconds: number): boolean;
  /** Ends it, and tells of each Pod that was asked to end while Slurm had its node neither powered down nor DOWN. */
  end(): Promise<string[]>;
}

/** How long before a name was seen in podsToBeDeleted what Slurm said counts, in milliseconds: what a round takes. */
const BEFORE = 4000;

/** How many answers of Slurm's after that count: one may have been under way. A node that works still works then. */
const AFTER = 2;

/** Begins to look at Slurm and the lists, several times a second. */
export function startSlurmHistory({ slurm, cluster, controlPlane }: CopilotSystem): SlurmHistory {
  const looks: Look[] = [];
  const suspensions: Suspension[] = [];
  const expected = new Set<string>();
  let ended = false;

  /** While slurmctld or kube-apiserver are away there is nothing to see. */
  const repeat = async (look: () => Promise<void>): Promise<void> => {
    while (!ended) {
      await look().catch(() => undefined);
      await sleep(100);
    }
  };
  const lookAtSlurm = async (): Promise<void> => {
    const states = new Map((await slurm.nodes()).map(({ name, state }) => [name, state]));
    looks.push({ at: Date.now(), states });
  };
  let before = new Set<string>();
  /** One after the other: an older answer must not be compared with a newer one. */
  let looking = Promise.resolve();
  const lookAtLists = (): Promise<void> => {
    const look = looking.then(compareLists);
    looking = look.catch(() => undefined);
    return look;
  };
  const compareLists = async (): Promise<void> => {
    const named = new Set(
      Object.values(await cluster.groups()).flatMap(({ podsToBeDeleted }) => podsToBeDeleted ?? []),
    );
    for (const node of named.difference(before)) {
      if (!expected.has(node)) suspensions.push({ at: Date.now(), node });
    }
    before = named;
  };
  const running = Promise.all([repeat(lookAtSlurm), repeat(lookAtLists)]);

  /** The states of a node around a moment; while Slurm was away, the last before. */
  const statesAround = (node: string, at: number): ReadonlySet<string>[] => {
    const before = looks.filter((look) => look.at < at - BEFORE).slice(-1);
    const during = looks.filter((look) => look.at >= at - BEFORE && look.at <= at);
    const after = looks.filter((look) => look.at > at).slice(0, AFTER);
    return [...(during.length === 0 ? before : during), ...after].flatMap(({ states }) => states.get(node) ?? []);
  };
  const told = (node: string, at: number, what: string): string => {
    const states = statesAround(node, at).map((state) => [...state].join("+"));
    return `${new Date(at).toISOString()} ${node} ${what}: ${[...new Set(states)].join(", ")}`;
  };

  return {
    async expectSuspension(node, act) {
      expected.add(node);
      try {
        await act();
        await lookAtLists();
      } finally {
        expected.delete(node);
      }
    },
    hasNewJobs(node, milliseconds) {
      const recent = looks.filter(({ at }) => at >= Date.now() - milliseconds);
      const busy = recent.map(({ states }) => ["ALLOCATED", "MIXED"].some((flag) => states.get(node)?.has(flag)));
      return busy.at(-1) === true && busy.includes(false);
    },
    async end() {
      ended = true;
      await running;
      const steps = loggedSteps(await slurm.controllerLog(), "");
      // By the next look the Pod may have been made anew and its node be up again. Or slurmctld was restarted and has forgotten it.
      const wasLetGo = ({ node, at }: Suspension): boolean =>
        steps.some((step) => {
          const latest = step.what === "parked" ? at + loggedLater : at;
          return step.node === node && step.what !== "woken" && step.at >= at - BEFORE && step.at <= latest;
        });
      // Pods beyond Slurm's nodes, which the operator makes where podsToBeDeleted names too many to keep to `replicas`, are nobody's.
      const known = suspensions.filter(({ node }) => looks.some(({ states }) => states.has(node)));
      const wrongSuspensions = known
        .filter((suspension) => !statesAround(suspension.node, suspension.at).some(mayEnd) && !wasLetGo(suspension))
        .map(({ node, at }) => told(node, at, "was named in podsToBeDeleted"));
      const deletions = (await controlPlane.auditEvents()).filter(
        ({ verb, userAgent, objectRef }) =>
          verb === "delete" && objectRef?.resource === "pods" && userAgent?.startsWith("slurmctld-copilot/"),
      );
      const wrongDeletions = deletions
        .map(({ objectRef, requestReceivedTimestamp }) => ({
          node: objectRef?.name ?? "",
          at: Date.parse(requestReceivedTimestamp),
        }))
        .filter(({ node, at }) => !statesAround(node, at).some((state) => state.has("POWERING_UP")))
        .map(({ node, at }) => told(node, at, "was deleted by the copilot"));
      return [...wrongSuspensions, ...wrongDeletions];
    },
  };
}

/** Whether Slurm counts on no Pod of a node in this state. */
function mayEnd(state: ReadonlySet<string>): boolean {
  return state.has("DOWN") || state.has("POWERED_DOWN") || state.has("POWERING_DOWN");
}
