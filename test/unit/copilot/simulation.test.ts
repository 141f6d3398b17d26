/**
 * The copilot against a model of everything else, through hours of accidents drawn from a seed. At no step may it hurt a node that works,
 * and when the accidents stop, Slurm, the lists and the Pods must agree.
 */
import { describe, expect, test } from "vitest";
import type { Action } from "../../../src/copilot/action.ts";
import { decide, emptyMemory, type Memory } from "../../../src/copilot/decide.ts";
import type { Snapshot } from "../../../src/copilot/snapshot.ts";
import type { PodFailureCode } from "../../../src/kubernetes/pod-failure.ts";
import { isWorking, type ModelWorker, makeCluster } from "../../support/cluster-model.ts";
import { NOW, SETTINGS } from "../../support/copilot.ts";
import { randomFrom } from "../../support/random.ts";

const WORKERS = 8;
/** Seconds of accidents, and of quiet after them with jobs and then without. */
const ACCIDENTS = 7200;
const QUIET = 7200;

function simulate(seed: number) {
  const random = randomFrom(seed);
  let accidents = true;
  let shortage: PodFailureCode | undefined;
  const cluster = makeCluster(WORKERS, {
    lost: () => accidents && random() < 0.25,
    startSeconds: () => 5 + Math.floor(random() * 60),
    podFailure: () => (shortage !== undefined && random() < 0.7 ? shortage : undefined),
  });
  const { workers } = cluster;
  const pick = (): ModelWorker => workers[Math.floor(random() * WORKERS)] as ModelWorker;
  const acted = new Map<string, number>();
  const wrongs: string[] = [];
  let memory: Memory = emptyMemory;
  let lag = 1;
  let lagging: Snapshot | undefined;

  function submitJob(worker: ModelWorker): void {
    if (worker.base !== "IDLE" || worker.drain || worker.power === "POWERING_DOWN") return;
    worker.base = "ALLOCATED";
    if (worker.power === "POWERED_DOWN") cluster.powerUp(worker);
  }
  const endJob = (worker: ModelWorker): void => {
    if (worker.base === "ALLOCATED") worker.base = "IDLE";
  };
  const events: readonly ((worker: ModelWorker) => void)[] = [
    submitJob,
    submitJob,
    submitJob,
    endJob,
    // Evicted; deleted; deleted by force, so that the operator makes it anew before anybody sees it gone.
    ({ pod }) => {
      if (pod !== undefined) pod.phase = "Failed";
    },
    ({ pod }) => {
      if (pod !== undefined) pod.deleted ??= cluster.now();
    },
    (worker) => {
      delete worker.pod;
    },
    // The lists are wiped, or edited by hand.
    () => {
      for (const worker of workers) Object.assign(worker, { wanted: false, unwanted: false });
    },
    (worker) => {
      worker.wanted = true;
      worker.unwanted = true;
    },
    (worker) => {
      if (worker.power === "POWERING_UP" || worker.power === "POWERED_DOWN") cluster.powerUp(worker);
    },
    (worker) => {
      worker.drain = !worker.drain;
    },
    (worker) => {
      if (worker.base !== "DOWN") cluster.setDown(worker, "disk");
    },
    (worker) => {
      if (worker.reason?.text === "disk") worker.base = "IDLE";
    },
    // The copilot is restarted.
    () => {
      memory = emptyMemory;
    },
    () => {
      shortage = random() < 0.5 ? undefined : random() < 0.5 ? "Unschedulable" : "ImagePullBackOff";
    },
  ];

  function judge(action: Action, worker: ModelWorker): void {
    const harms = ["suspend", "delete-pod", "set-down", "power-down"].includes(action.kind);
    const admin = worker.drain || (worker.base === "DOWN" && worker.reason?.text.startsWith("disk") === true);
    const changes = ["set-down", "power-down", "return"].includes(action.kind);
    if ((harms && isWorking(worker)) || (admin && changes)) {
      wrongs.push(`${cluster.now()} ${JSON.stringify(action)} ${JSON.stringify(worker)}`);
    }
  }

  /** Slurm as it is now, and Kubernetes as the watches told it some seconds ago. */
  function look(): Snapshot {
    const { workers: fresh, ...rest } = cluster.snapshot(NOW / 1000);
    return {
      ...rest,
      workers: new Map(
        fresh.entries().map(([name, { node, ...now }]) => {
          const seen = lagging?.workers.get(name) ?? now;
          return [name, { ...seen, ...(node !== undefined && { node }) }];
        }),
      ),
    };
  }

  function round(): void {
    const now = NOW + cluster.now() * 1000;
    const decision = decide(look(), memory, SETTINGS, now);
    memory = decision.memory;
    const failed = new Set<string>();
    const isDown = new Set<string>();
    for (const action of decision.actions) {
      // What fails takes the rest for the same node with it, as in the executor.
      if (accidents && random() < 0.1) failed.add(action.node);
      if (failed.has(action.node)) continue;
      const worker = workers.find(({ name }) => name === action.node);
      if (worker !== undefined && !isDown.has(action.node)) judge(action, worker);
      if (action.kind === "set-down") isDown.add(action.node);
      cluster.apply(action);
      acted.set(action.rule, (acted.get(action.rule) ?? 0) + 1);
    }
  }

  function run(seconds: number, each: () => void): void {
    for (let second = 0; second < seconds; second++) {
      cluster.tick();
      each();
      if (cluster.now() % 10 === 10 - lag) lagging = cluster.snapshot(NOW / 1000);
      if (cluster.now() % 10 !== 0) continue;
      round();
      lag = 1 + Math.floor(random() * 5);
    }
  }

  /** Every ten minutes: what is an admin's to return, as an admin set it DOWN, or it is over the limit of strikes. */
  function visit(): void {
    if (cluster.now() % 600 !== 1) return;
    for (const worker of workers) {
      if (worker.base !== "DOWN" || !/^disk|strike [5-9]/.test(worker.reason?.text ?? "")) continue;
      worker.base = "IDLE";
      delete worker.reason;
    }
  }

  run(ACCIDENTS, () => {
    if (random() < 0.05) events[Math.floor(random() * events.length)]?.(pick());
  });
  accidents = false;
  shortage = undefined;
  for (const worker of workers) {
    worker.drain = false;
    if (worker.pod?.phase === "Pending") delete worker.pod.failure;
  }
  run(QUIET, () => {
    visit();
    submitJob(pick());
  });
  const busy = workers.map((worker) => structuredClone(worker));
  for (const worker of workers) endJob(worker);
  run(QUIET, visit);
  return { wrongs, busy, parked: workers, acted };
}

const agreed = Array.from({ length: WORKERS }, () => true);
const seeds = Array.from({ length: 15 }, (_, index) => index + 1);

describe("hours of accidents", () => {
  const runs = seeds.map((seed) => ({ seed, ...simulate(seed) }));

  test.each(runs)("seed $seed: nothing that works was hurt, and no admin overruled", ({ wrongs }) => {
    expect(wrongs).toEqual([]);
  });

  test.each(runs)("seed $seed: with a job on each node, all are up, wanted, and have their Pod", ({ busy }) => {
    expect(busy.map((worker) => isWorking(worker) && worker.wanted && !worker.unwanted)).toEqual(agreed);
  });

  test.each(runs)("seed $seed: without jobs, all are parked, without Pod, and the lists are empty", ({ parked }) => {
    const kept = parked.map(({ base, power, pod, wanted, unwanted }) => ({ base, power, pod, wanted, unwanted }));
    const empty = { base: "IDLE", power: "POWERED_DOWN", pod: undefined, wanted: false, unwanted: false };
    expect(kept).toEqual(agreed.map(() => empty));
  });

  test("every rule that concerns nodes of Slurm had something to do", () => {
    const acted = new Set(runs.flatMap((run) => [...run.acted.keys()]));
    expect([...acted].sort()).toEqual([
      "capacity-back-off",
      "failing-pod",
      "leaked-pod",
      "lost-resume",
      "prune",
      "return-to-service",
      "stale-boot",
      "vanished-pod",
    ]);
  });
});
