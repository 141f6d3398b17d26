/** Everything that people, Kubernetes and fate do to a cluster, drawn from a seed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CopilotSystem } from "./copilot-system.ts";
import type { SlurmHistory } from "./slurm-history.ts";

/** What goes wrong, one step at a time. */
export interface Accidents {
  /** One step; what it refuses to do in the present state is none. */
  step(): Promise<void>;
  /** Takes back what only an admin takes back, and lets everything run. */
  calm(): Promise<void>;
  /** The steps so far. */
  readonly journal: readonly string[];
  /** Ids of the batch jobs that were submitted and not cancelled. */
  readonly jobs: ReadonlySet<number>;
}

/** Makes the accidents of these nodes. `random` is uniform in [0, 1). */
export function makeAccidents(
  system: CopilotSystem,
  nodes: readonly string[],
  history: SlurmHistory,
  random: () => number,
): Accidents {
  const { slurm, cluster, controlPlane, pods, evict, restartCopilot } = system;
  const journal: string[] = [];
  const jobs = new Set<number>();
  const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)];
  const pickPod = async (): Promise<string> => pick(Object.keys(await pods())) ?? nodes[0] ?? "";
  const setState = (node: string, state: string, ...more: string[]): Promise<unknown> =>
    slurm.scontrol("update", `nodename=${node}`, `state=${state}`, ...more);
  const deletePod = async (query: string): Promise<string> => {
    const name = await pickPod();
    // The stand-in makes the Pod anew within a second. The copilot cannot tell whether jobs that have come since its last round were
    // started in the old Pod or in the new one, and leaves them to Slurm (docs/copilot.md).
    if (history.hasNewJobs(name, 15_000)) return `${name} spared`;
    await controlPlane.request("DELETE", `/api/v1/namespaces/default/pods/${name}${query}`);
    return name;
  };
  const setLists = async (created: readonly number[], deleted: readonly string[], more: readonly object[] = []) => {
    await cluster.patch([
      ...more,
      { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: created },
      { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: deleted },
    ]);
  };

  const submit = async (): Promise<string> => {
    const job = await slurm.sbatch(`#!/bin/sh\nsleep ${1 + Math.floor(random() * 5)}\n`);
    jobs.add(job);
    return String(job);
  };
  const interactive = async (): Promise<void> => {
    // It dies with its node.
    slurm.srun("sleep", String(1 + Math.floor(random() * 8))).catch(() => undefined);
  };
  const steps: Readonly<Record<string, readonly [weight: number, act: () => Promise<unknown>]>> = {
    submit: [6, submit],
    srun: [8, interactive],
    cancel: [
      2,
      async () => {
        const job = pick([...jobs]);
        if (job === undefined) return undefined;
        jobs.delete(job);
        await slurm.cancel(job);
        return String(job);
      },
    ],
    evict: [
      3,
      async () => {
        const name = await pickPod();
        await evict(name);
        return name;
      },
    ],
    "delete Pod": [2, () => deletePod("")],
    "delete Pod by force": [2, () => deletePod("?gracePeriodSeconds=0")],
    "wipe lists": [
      3,
      async () => {
        // As `kubectl apply` of a manifest without workers does.
        await setLists([], [], [{ op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 0 }]);
      },
    ],
    "name in both lists": [
      2,
      async () => {
        const index = Math.floor(random() * nodes.length);
        const name = nodes[index] ?? "";
        await history.expectSuspension(name, async () => {
          const { podsToBeCreated = [], podsToBeDeleted = [] } = (await cluster.groups()).cpu ?? {};
          await setLists(
            [...new Set([...(podsToBeCreated ?? []), index])],
            [...new Set([...(podsToBeDeleted ?? []), name])],
          );
        });
        return name;
      },
    ],
    "power up": [2, onNode((node) => setState(node, "POWER_UP"))],
    "power down": [3, onNode((node) => setState(node, "POWER_DOWN"))],
    drain: [1, onNode((node) => setState(node, "DRAIN", "reason=disk"))],
    undrain: [2, onNode((node) => setState(node, "UNDRAIN"))],
    down: [1, onNode((node) => setState(node, "DOWN", "reason=disk"))],
    "return of what an admin holds": [2, returnAll],
    "copilot killed": [1, () => restartCopilot("SIGKILL")],
    "copilot restarted": [1, () => restartCopilot("SIGTERM")],
    "slurmctld restarted": [1, () => slurm.restartController()],
    "slurmctld frozen": [
      1,
      async () => {
        slurm.signalController("SIGSTOP");
        await sleep(3000);
        slurm.signalController("SIGCONT");
      },
    ],
    "kube-apiserver frozen": [
      1,
      async () => {
        await controlPlane.pause();
        await sleep(3000);
        controlPlane.resume();
      },
    ],
  };
  const names = Object.entries(steps).flatMap(([name, [weight]]) => Array.from({ length: weight }, () => name));

  function onNode(act: (node: string) => Promise<unknown>): () => Promise<string> {
    return async () => {
      const node = pick(nodes) ?? "";
      await act(node);
      return node;
    };
  }

  async function returnAll(): Promise<string> {
    const held = (await slurm.nodes()).filter(
      ({ reason, state }) => reason === "disk" && (state.has("DOWN") || state.has("DRAIN")),
    );
    for (const { name, state } of held) await setState(name, state.has("DOWN") ? "RESUME" : "UNDRAIN");
    return held.map(({ name }) => name).join(",");
  }

  return {
    journal,
    jobs,
    async step() {
      const name = pick(names) ?? "";
      const at = new Date().toISOString().slice(11, 23);
      try {
        journal.push(`${at} ${name} ${(await steps[name]?.[1]()) ?? ""}`);
      } catch (error) {
        // Slurm and Kubernetes refuse what does not go: POWER_DOWN of a node that powers down, the eviction of a Pod that is gone.
        journal.push(`${at} ${name} refused: ${String((error as { stderr?: string }).stderr ?? error).slice(0, 200)}`);
      }
    },
    async calm() {
      await returnAll();
    },
  };
}
