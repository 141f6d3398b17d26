import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { createClusterFixture } from "../support/cluster-fixture.ts";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane.stop());

/** Two hundred programs on a slow machine take longer than slurmctld's programs usually may; time is not what is asked for here. */
const patience = "deadlineSeconds: 120\n";

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
  await fixture.pod.write("/etc/slurm/power-agent.yaml", patience);
  const started = performance.now();
  let done = false;
  const operator = (async () => {
    for (let round = 0; !done; round += 1)
      await fixture.writeStatus({ state: round % 2 === 0 ? "progressing" : "ready" });
  })();
  const results = await Promise.all(
    range(0, 100).flatMap((index) => [
      fixture.pod.run(join(inject("installation"), "slurm-resume"), [`mixed-worker-cpu-${index}`]),
      fixture.pod.run(join(inject("installation"), "slurm-suspend"), [`mixed-worker-cpu-${index + 100}`]),
    ]),
  );
  done = true;
  await operator;
  const resumed = results.filter((_, position) => position % 2 === 0);
  const suspended = results.filter((_, position) => position % 2 === 1);
  expect(resumed.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
  // A suspend that waited for seconds asks Slurm whether it is still meant. There is no Slurm here, so it leaves its node alone and says so.
  const late = running.filter((_, position) => suspended[position]?.exitCode !== 0);
  const told = [
    ...(await fixture.pod.read("/var/log/slurm-suspend.log")).matchAll(
      /suspend node mixed-worker-cpu-(\d+) failed: NotParked: the suspend is late/g,
    ),
  ].map(([, index]) => Number(index));
  expect(late).toEqual(told.sort((one, other) => one - other));
  const parked = running.filter((index) => !late.includes(index));
  expect(parked).not.toEqual([]);
  expect((await fixture.groups()).cpu).toMatchObject({
    podsToBeCreated: [...range(0, 100), ...late],
    podsToBeDeleted: parked.map((index) => `mixed-worker-cpu-${index}`),
    replicas: 100 + late.length,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`200 simultaneous programs ended within ${seconds} s; ${late.length} suspends came too late`);
});
