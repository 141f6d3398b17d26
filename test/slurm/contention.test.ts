/** Programs that slurmctld starts all at once: each request is recorded, and none is recorded twice. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { createClusterFixture } from "../support/cluster-fixture.ts";
import { type Slurm, startSlurm } from "../support/slurm.ts";

let controlPlane: ControlPlane;
let slurm: Slurm;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  // All its nodes are parked. It calls no programs: this test does, and those ask it whether a suspend that is late is still meant.
  slurm = await startSlurm({ clusterName: "mixed", groups: { cpu: 200 } });
});
afterAll(async () => {
  await slurm?.stop();
  await controlPlane?.stop();
});

/** Two hundred programs on a slow machine take longer than slurmctld's programs usually may; time is not what is asked for here. */
const patience = "deadlineSeconds: 240\n";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

test("100 simultaneous slurm-resume of different nodes: all exit 0, each node recorded once, replicas 100", async () => {
  const fixture = await createClusterFixture(controlPlane, "storm", [{ groupName: "cpu", replicas: 0 }]);
  await fixture.pod.write("/etc/slurm/power-agent.yaml", patience);
  const results = await Promise.all(
    range(0, 100).map((index) =>
      fixture.pod.run(join(inject("installation"), "slurm-resume"), [`storm-worker-cpu-${index}`]),
    ),
  );
  expect(results.map(({ exitCode }) => exitCode)).toEqual(range(0, 100).map(() => 0));
  expect((await fixture.groups()).cpu).toMatchObject({ podsToBeCreated: range(0, 100), replicas: 100 });
});

test("100 resumes mixed with 100 suspends of other nodes, while an operator writes status: still exact", async () => {
  const running = range(100, 200);
  const fixture = await createClusterFixture(controlPlane, "mixed", [
    { groupName: "cpu", replicas: 100, podsToBeCreated: running },
  ]);
  // The settings are looked for beside the slurm.conf that SLURM_CONF names.
  await writeFile(join(slurm.folder, "power-agent.yaml"), patience);
  const env = { SLURM_CONF: slurm.confFile };
  const started = performance.now();
  let done = false;
  const operator = (async () => {
    for (let round = 0; !done; round += 1)
      await fixture.writeStatus({ state: round % 2 === 0 ? "progressing" : "ready" });
  })();
  const results = await Promise.all(
    range(0, 100).flatMap((index) => [
      fixture.pod.run(join(inject("installation"), "slurm-resume"), [`mixed-worker-cpu-${index}`], { env }),
      fixture.pod.run(join(inject("installation"), "slurm-suspend"), [`mixed-worker-cpu-${index + 100}`], { env }),
    ]),
  ).finally(() => {
    done = true;
  });
  await operator;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`200 simultaneous programs ended within ${seconds} s`);
  const logs = await Promise.all(["resume", "suspend"].map((verb) => fixture.pod.read(`/var/log/slurm-${verb}.log`)));
  expect(
    results.filter(({ exitCode }) => exitCode !== 0),
    logs.join(""),
  ).toEqual([]);
  expect((await fixture.groups()).cpu).toMatchObject({
    podsToBeCreated: range(0, 100),
    podsToBeDeleted: running.map((index) => `mixed-worker-cpu-${index}`),
    replicas: 100,
  });
});
