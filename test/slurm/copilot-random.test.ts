/**
 * Minutes of accidents drawn from a seed, on real servers. No Pod of a node may be ended that Slurm has not powered down or given up, and
 * when the accidents stop all agrees: jobs are done, nodes parked, lists empty, Pods gone.
 *
 * `ACCIDENTS_SEED=n` draws other steps. The same seed draws the same steps again, though the servers' timing differs.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeAccidents } from "../support/accidents.ts";
import { type CopilotSystem, startCopilotSystem } from "../support/copilot-system.ts";
import { randomFrom } from "../support/random.ts";
import { startSlurmHistory } from "../support/slurm-history.ts";
import { isParked } from "../support/slurm-record.ts";
import { waitFor } from "../support/wait-for.ts";

const STEPS = 200;
/** Milliseconds between steps, beside what each takes itself. */
const PAUSE = 600;
const seed = Number(process.env.ACCIDENTS_SEED ?? 1);

let system: CopilotSystem;
beforeAll(async () => {
  system = await startCopilotSystem({
    clusterName: "random",
    groups: { cpu: 5 },
    suspendTime: 12,
    // As long as slurmctld keeps telling a lost node to end its job (MessageTimeout), and more. A job that is back on the node when the message
    // gets through is taken for the ended one by 22.05: the node counts as idle under it, and may be suspended.
    suspendTimeout: 12,
    resumeTimeout: 60,
    settings: () => ({
      backOffSeconds: 5,
      failingPodSeconds: 10,
      registrationSeconds: 10,
      missingPodSeconds: 20,
      unknownPodSeconds: 30,
      strikeLimit: 20,
    }),
  });
}, 120_000);
afterAll(() => system?.stop());

test(`seed ${seed}: nothing that Slurm counts on is ended, and in the end all agrees`, {
  timeout: 900_000,
}, async () => {
  const { slurm, cluster, pods, worker, said } = system;
  const history = startSlurmHistory(system);
  const nodes = [0, 1, 2, 3, 4].map((index) => worker(`cpu-${index}`));
  const accidents = makeAccidents(system, nodes, history, randomFrom(seed));
  for (let step = 0; step < STEPS; step += 1) {
    await accidents.step();
    await sleep(PAUSE);
  }
  await accidents.calm();
  try {
    await waitFor(
      "jobs to end",
      () => slurm.squeue("--noheader"),
      (text) => text.trim() === "",
      180_000,
    );
    const agree = async () => ({
      nodes: (await slurm.nodes()).map((node) => (isParked(node) ? "parked" : [...node.state, node.reason].join("+"))),
      pods: await pods(),
      lists: (await cluster.groups()).cpu,
    });
    const agreed = { nodes: nodes.map(() => "parked"), pods: {} };
    await waitFor(
      "all to agree",
      agree,
      ({ nodes: states, pods: left, lists }) =>
        JSON.stringify({ nodes: states, pods: left }) === JSON.stringify(agreed) &&
        lists?.replicas === 0 &&
        lists.podsToBeCreated?.length === 0 &&
        lists.podsToBeDeleted?.length === 0,
      180_000,
    );
    for (const job of accidents.jobs) expect((await slurm.job(job)).JobState).toBe("COMPLETED");
    expect(await history.end()).toEqual([]);
  } catch (error) {
    await history.end();
    const story = [...accidents.journal, "", ...(await said())].join("\n");
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${story}`, { cause: error });
  }
});
