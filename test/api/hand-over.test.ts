/** The hook scripts hand requests to the running copilot, and lose none when it is away, hangs or is killed. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { type ClusterFixture, createClusterFixture } from "../support/cluster-fixture.ts";
import { waitFor } from "../support/wait-for.ts";

let controlPlane: ControlPlane;
const running = new Set<number>();
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane.stop());
afterEach(() => {
  for (const pid of running) kill(pid, "SIGKILL");
  running.clear();
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const program = (name: string) => join(inject("installation"), name);

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Starts a copilot in the fixture's Pod and waits until it listens; there is no Slurm here, so its rounds do nothing. */
async function startCopilot({ pod }: ClusterFixture): Promise<number> {
  const before = await pod.read("/var/log/slurm-resume.log");
  const pid = await new Promise<number>((resolve) => {
    void pod.run(program("slurmctld-copilot"), [], { onStart: resolve });
  });
  running.add(pid);
  await waitFor(
    "the copilot to start",
    () => pod.read("/var/log/slurm-resume.log"),
    (log) => log.slice(before.length).includes(" starts"),
    30_000,
  );
  await sleep(200);
  return pid;
}

/** Who has patched the resource of this name, in order. */
async function patchers(name: string): Promise<string[]> {
  const events = await controlPlane.auditEvents();
  return events
    .filter(
      ({ verb, objectRef }) => verb === "patch" && objectRef?.resource === "slurmclusters" && objectRef.name === name,
    )
    .map(({ userAgent }) => userAgent?.replace(/\/.*/, "") ?? "");
}

test("a request is recorded by the copilot, with the lines that the program would log", async () => {
  const fixture = await createClusterFixture(controlPlane, "warm", [{ groupName: "cpu", replicas: 0 }]);
  const { pod } = fixture;
  await startCopilot(fixture);
  // As slurmctld gives it to its programs, also where nobody else does.
  const env = { SLURM_CONF: "/etc/slurm/slurm.conf" };
  const { exitCode } = await pod.run(program("slurm-resume.sh"), ["warm-worker-cpu-[0-2]"], { env });
  expect(exitCode).toBe(0);
  expect((await fixture.groups()).cpu).toMatchObject({ podsToBeCreated: [0, 1, 2], replicas: 3 });
  const log = await pod.read("/var/log/slurm-resume.log");
  expect(log).toContain("resume called, args [warm-worker-cpu-[0-2]]");
  expect(log).toContain("resume node -cpu-[0-2] end");
  expect(log).toContain("resume finished: 3 recorded, 0 failed");
  expect(log).not.toContain("slurmctld-copilot does not run");
  expect(await patchers("warm")).toEqual(["slurmctld-copilot"]);
  expect((await pod.run(program("slurm-suspend.sh"), ["warm-worker-cpu-9999999999999999999"])).exitCode).toBe(1);
  expect((await pod.run(program("slurm-suspend.sh"), ["warm-worker-cpu-["])).exitCode).toBe(2);
});

test("100 at once: each node recorded once, in few patches", async () => {
  const fixture = await createClusterFixture(controlPlane, "burst", [{ groupName: "cpu", replicas: 0 }]);
  await startCopilot(fixture);
  const runs = await Promise.all(
    range(0, 100).map((index) => fixture.pod.run(program("slurm-resume.sh"), [`burst-worker-cpu-${index}`])),
  );
  expect(runs.map(({ exitCode }) => exitCode)).toEqual(range(0, 100).map(() => 0));
  expect((await fixture.groups()).cpu).toMatchObject({ podsToBeCreated: range(0, 100), replicas: 100 });
  expect((await patchers("burst")).length).toBeLessThan(100);
});

test.each(["never started", "killed", "frozen"])("a copilot that was %s: the program does it", async (how) => {
  const name = how.replace(/ .*/, "");
  const fixture = await createClusterFixture(controlPlane, name, [{ groupName: "cpu", replicas: 0 }]);
  if (name !== "never") kill(await startCopilot(fixture), name === "killed" ? "SIGKILL" : "SIGSTOP");
  const { exitCode } = await fixture.pod.run(program("slurm-resume.sh"), [`${name}-worker-cpu-4`]);
  expect(exitCode).toBe(0);
  expect((await fixture.groups()).cpu).toMatchObject({ podsToBeCreated: [4], replicas: 1 });
  expect(await patchers(name)).toEqual(["slurm-resume"]);
  // One that is frozen still has its socket; nobody repeats what gets lost all the same.
  expect(await fixture.pod.read("/var/log/slurm-resume.log")).toMatch(
    name === "frozen"
      ? / WARN +\S+ slurmctld-copilot does not answer \(GET \/healthz on \S+: no answer within 0\.5 s\): what gets lost is not repeated\n/
      : / WARN +\S+ slurmctld-copilot does not run \(nobody listens on \S+\): what gets lost is not repeated\n/,
  );
});

test("a copilot that was frozen for a while does not do late what the programs have done meanwhile", async () => {
  const fixture = await createClusterFixture(controlPlane, "thawed", [{ groupName: "cpu", replicas: 0 }]);
  const { pod } = fixture;
  const copilot = await startCopilot(fixture);
  kill(copilot, "SIGSTOP");
  // The request waits in the socket; the script does not.
  expect((await pod.run(program("slurm-suspend.sh"), ["thawed-worker-cpu-4"])).exitCode).toBe(0);
  expect((await pod.run(program("slurm-resume"), ["thawed-worker-cpu-4"])).exitCode).toBe(0);
  kill(copilot, "SIGCONT");
  await waitFor(
    "the copilot to find the request",
    () => pod.read("/var/log/slurm-suspend.log"),
    (log) => (log.match(/suspend finished/g) ?? []).length === 2,
    30_000,
  );
  expect((await fixture.groups()).cpu).toMatchObject({ podsToBeCreated: [4], podsToBeDeleted: [] });
  expect(await patchers("thawed")).toEqual(["slurm-suspend", "slurm-resume"]);
});

test("another slurm.conf, or settings that have changed: the program does it", async () => {
  const fixture = await createClusterFixture(controlPlane, "changed", [{ groupName: "cpu", replicas: 0 }]);
  const { pod } = fixture;
  await startCopilot(fixture);
  const env = { SLURM_CONF: "/etc/another/slurm.conf" };
  expect((await pod.run(program("slurm-resume.sh"), ["changed-worker-cpu-0"], { env })).exitCode).toBe(0);
  await pod.write("/etc/slurm/power-agent.yaml", "metricsPort: 0\n");
  expect((await pod.run(program("slurm-resume.sh"), ["changed-worker-cpu-1"])).exitCode).toBe(0);
  expect((await fixture.groups()).cpu).toMatchObject({ podsToBeCreated: [0, 1], replicas: 2 });
  expect(await patchers("changed")).toEqual(["slurm-resume", "slurm-resume"]);
});

test("a copilot killed at any moment: nothing is lost and nothing is applied wrongly", async () => {
  const nodes = 24;
  const fixture = await createClusterFixture(controlPlane, "mortal", [{ groupName: "cpu", replicas: 0 }]);
  for (let round = 0; round < 4; round += 1) {
    const pid = await startCopilot(fixture);
    const verb = round % 2 === 0 ? "resume" : "suspend";
    const runs = range(0, nodes).map((index) =>
      fixture.pod.run(program(`slurm-${verb}.sh`), [`mortal-worker-cpu-${index}`]),
    );
    // Anywhere between the first request and the last answer.
    await sleep(20 + round * 60);
    kill(pid, "SIGKILL");
    running.delete(pid);
    expect((await Promise.all(runs)).map(({ exitCode }) => exitCode)).toEqual(range(0, nodes).map(() => 0));
    const { podsToBeCreated, podsToBeDeleted, replicas } = (await fixture.groups()).cpu ?? {};
    const all = range(0, nodes);
    expect({ podsToBeCreated, parked: podsToBeDeleted?.length ?? 0, replicas }).toEqual(
      verb === "resume"
        ? { podsToBeCreated: all, parked: 0, replicas: nodes }
        : { podsToBeCreated: [], parked: nodes, replicas: 0 },
    );
  }
});
