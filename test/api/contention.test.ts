import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { createClusterFixture } from "../support/cluster-fixture.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

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
  // A suspend that waited for seconds asks Slurm whether it is still meant, and it is.
  const scontrol = join(temporaryFolder(), "scontrol");
  await writeFile(
    scontrol,
    `#!${process.execPath}
import { expandHostlist } from ${JSON.stringify(join(import.meta.dirname, "../../vendor/hostlist-parse/src/index.ts"))};
for (const name of expandHostlist(process.argv.at(-1))) console.log("NodeName=" + name + " State=IDLE+CLOUD+POWERING_DOWN");
`,
  );
  await chmod(scontrol, 0o755);
  await fixture.pod.write("/etc/slurm/power-agent.yaml", `${patience}scontrol: ${scontrol}\n`);
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
  expect(results.map(({ exitCode }) => exitCode)).toEqual(range(0, 200).map(() => 0));
  expect((await fixture.groups()).cpu).toMatchObject({
    podsToBeCreated: range(0, 100),
    podsToBeDeleted: running.map((index) => `mixed-worker-cpu-${index}`),
    replicas: 100,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`200 simultaneous programs ended within ${seconds} s`);
});
