import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { WorkerGroupSpec } from "../../src/kubernetes/slurm-cluster.ts";
import { type ClusterFixture, createClusterFixture } from "../support/cluster-fixture.ts";

const program = (name: string) => join(inject("installation"), name);
const resumeLog = "/var/log/slurm-resume.log";
const suspendLog = "/var/log/slurm-suspend.log";

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
});
afterAll(() => controlPlane.stop());

let made = 0;
async function cluster(groups: readonly WorkerGroupSpec[], spec?: object): Promise<ClusterFixture> {
  made += 1;
  return await createClusterFixture(controlPlane, `demo-${made}`, groups, { ...(spec && { spec }) });
}
const resume = (fixture: ClusterFixture, nodes: string) => fixture.pod.run(program("slurm-resume"), [nodes]);
const suspend = (fixture: ClusterFixture, nodes: string) => fixture.pod.run(program("slurm-suspend"), [nodes]);
/** The log's lines without time, level and run id. */
const messages = async (fixture: ClusterFixture, log = resumeLog) =>
  (await fixture.pod.read(log))
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [line.replace(/^\S+ \S+ +\S+ /, "")]));

describe("as slurmctld runs them: user slurm, no environment, descriptors 0-2 closed, signals blocked", () => {
  test("one node: the resource changes and the log reads as the documentation says", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    const [node] = [`${fixture.name}-worker-cpu-0`];
    const { exitCode } = await fixture.pod.run(program("slurm-resume"), [node], { cwd: "/var/log" });
    expect(exitCode).toBe(0);
    expect(await fixture.groups()).toEqual({ cpu: { groupName: "cpu", replicas: 1, podsToBeCreated: [0] } });
    const lines = await messages(fixture);
    expect(lines.slice(0, 8)).toEqual([
      `namespace: default cluster: ${fixture.name}`,
      `resume called, args [${node}]`,
      `slurm cluster metadata: default ${fixture.name}`,
      `get SlurmCluster CR ${fixture.name} succeed`,
      `hostlists: [${node}]`,
      `resume node ${node}`,
      "resume worker -cpu-0",
      "resume node -cpu-0 end",
    ]);
    expect(lines[8]).toMatch(
      /^slurmctld-copilot does not run \(nobody listens on \/run\/slurm-power-agent\/copilot.sock\)/,
    );
    expect(lines[9]).toMatch(/^resume finished: 1 recorded, 0 failed, \d+ ms, exit 0$/);

    expect((await suspend(fixture, node)).exitCode).toBe(0);
    expect(await fixture.groups()).toEqual({
      cpu: { groupName: "cpu", replicas: 0, podsToBeCreated: [], podsToBeDeleted: [node] },
    });
    expect((await messages(fixture, suspendLog)).slice(5, 8)).toEqual([
      `suspend node ${node}`,
      "suspend worker -cpu-0",
      "suspend node -cpu-0 end",
    ]);

    expect((await resume(fixture, node)).exitCode).toBe(0);
    expect(await fixture.groups()).toEqual({
      cpu: { groupName: "cpu", replicas: 1, podsToBeCreated: [0], podsToBeDeleted: [] },
    });
  });

  test("slurm-resume-fail withdraws the request and says so in the resume log", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    const nodes = `${fixture.name}-worker-cpu-[0-1]`;
    await resume(fixture, nodes);
    expect((await fixture.pod.run(program("slurm-resume-fail"), [`${fixture.name}-worker-cpu-1`])).exitCode).toBe(0);
    expect((await fixture.groups()).cpu).toMatchObject({
      replicas: 1,
      podsToBeCreated: [0],
      podsToBeDeleted: [`${fixture.name}-worker-cpu-1`],
    });
    expect(await messages(fixture)).toContain(`resume-fail called, args [${fixture.name}-worker-cpu-1]`);
  });

  test("10,000 nodes in three groups: one GET, one PATCH", async () => {
    const fixture = await cluster(["cpu", "gpu", "cpu-2"].map((groupName) => ({ groupName, replicas: 0 })));
    const nodes = [`cpu-[0-3999]`, "gpu-[0-2999]", "cpu-2-[0-2999]"]
      .map((part) => `${fixture.name}-worker-${part}`)
      .join(",");
    expect((await resume(fixture, nodes)).exitCode).toBe(0);
    const groups = await fixture.groups();
    expect(groups.cpu?.podsToBeCreated).toEqual(Array.from({ length: 4000 }, (_, index) => index));
    expect([groups.cpu?.replicas, groups.gpu?.replicas, groups["cpu-2"]?.replicas]).toEqual([4000, 3000, 3000]);
    const calls = (await controlPlane.auditEvents()).filter(({ objectRef }) => objectRef?.name === fixture.name);
    const ours = calls.filter(({ userAgent }) => userAgent?.startsWith("slurm-resume/"));
    expect(ours.map(({ verb }) => verb)).toEqual(["get", "patch"]);
  });
});

describe("what the original agent did wrong", () => {
  test("1, 5: a foreign name, an unknown group and a bad index do not cost the good names of the batch", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    const worker = `${fixture.name}-worker`;
    const { exitCode } = await resume(
      fixture,
      `other-worker-cpu-1,${worker}-cpu-[0-1],${worker}-gpu-0,${worker}-cpu-99999999999,login,a[b[1]`,
    );
    expect(exitCode).toBe(1);
    expect((await fixture.groups()).cpu).toMatchObject({ replicas: 2, podsToBeCreated: [0, 1] });
    const log = (await messages(fixture)).join("\n");
    expect(log).toContain("resume node login,other-worker-cpu-1,a[b1 failed: NotOfThisCluster");
    expect(log).toContain(
      `resume node ${worker}-gpu-0 failed: UnknownGroup: names worker group gpu, which SlurmCluster ${fixture.name} does not have (it has cpu)`,
    );
    expect(log).toContain(`resume node ${worker}-cpu-99999999999 failed: IndexTooLarge`);
    expect(log).toMatch(/resume finished: 2 recorded, 5 failed/);
  });

  test("2: a repeat changes nothing, and replicas never go below 0", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    const nodes = `${fixture.name}-worker-cpu-[3-4]`;
    await resume(fixture, nodes);
    const { generation } = (await fixture.read()).metadata;
    expect((await resume(fixture, nodes)).exitCode).toBe(0);
    expect((await fixture.read()).metadata.generation).toBe(generation);
    for (let time = 0; time < 3; time += 1)
      expect((await suspend(fixture, `${fixture.name}-worker-cpu-[0-4]`)).exitCode).toBe(0);
    expect((await fixture.groups()).cpu).toMatchObject({ replicas: 0, podsToBeCreated: [] });
  });

  test("3: fields that no type of ours knows survive, also in older spellings", async () => {
    const group = {
      groupName: "cpu",
      workerCount: 3,
      initBash: "echo {{.MungeKeyPath}}",
      ourOwn: { deep: [1] },
      template: { spec: { x: "y" } },
    };
    const spec = { mungeConfPath: "/var/munge", headGroupSpec: { template: { a: 1 } }, someFuture: "field" };
    const fixture = await cluster([group, { groupName: "gpu", replicas: 0 }], spec);
    const before = await fixture.read();
    expect((await resume(fixture, `${fixture.name}-worker-cpu-2`)).exitCode).toBe(0);
    const after = await fixture.read();
    const [cpu, gpu] = after.spec.workerGroupSpecs ?? [];
    expect(cpu).toEqual({ ...before.spec.workerGroupSpecs?.[0], podsToBeCreated: [2], workerCount: 4 });
    expect(gpu).toEqual(before.spec.workerGroupSpecs?.[1]);
    expect({ ...after.spec, workerGroupSpecs: [] }).toEqual({ ...before.spec, workerGroupSpecs: [] });
  });

  test("4: resume looks at podsToBeDeleted and at running workers, suspend at podsToBeCreated", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 2, podsToBeDeleted: ["x"] }]);
    const worker = `${fixture.name}-worker-cpu`;
    await fixture.patch([
      { op: "replace", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: [`${worker}-3`, `${worker}-4`] },
    ]);
    await fixture.writeStatus({ availableWorkers: [`${worker}-0`, `${worker}-1`, `${worker}-4`] });
    expect((await resume(fixture, `${worker}-3`)).exitCode).toBe(0);
    expect((await fixture.groups()).cpu).toMatchObject({
      replicas: 3,
      podsToBeCreated: [0, 1, 3],
      podsToBeDeleted: [`${worker}-4`],
    });
    expect((await suspend(fixture, `${worker}-[0,3]`)).exitCode).toBe(0);
    expect((await fixture.groups()).cpu).toMatchObject({
      replicas: 1,
      podsToBeCreated: [1],
      podsToBeDeleted: [`${worker}-0`, `${worker}-3`, `${worker}-4`],
    });
  });

  test("6: cluster names that begin alike are not confused, and leading zeros are refused", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    const { exitCode } = await resume(fixture, `${fixture.name}2-worker-cpu-0,${fixture.name}-worker-cpu-007`);
    expect(exitCode).toBe(1);
    expect((await fixture.groups()).cpu).toEqual({ groupName: "cpu", replicas: 0 });
    expect((await messages(fixture)).join("\n")).toMatch(/cpu-007 failed: LeadingZero/);
  });

  test.each(["slurm-resume", "slurm-suspend", "slurm-resume-fail"])(
    "9: %s is one file that slurmctld accepts as a program",
    (name) => {
      // slurmctld demands an absolute path that is executable and not writable by group or others (power_save.c, _valid_prog).
      expect(statSync(program(name)).mode & 0o111).toBe(0o111);
      expect(statSync(program(name)).mode & 0o022).toBe(0);
    },
  );
});

describe("bad input", () => {
  test.each([
    [[], 2],
    [["a", "b", "c"], 2],
    [["--no-such-flag", "a"], 2],
    [["demo-worker-cpu-[0-"], 2],
    [["--help"], 0],
    [["--version"], 0],
  ])("%j exits with %i", async (args, code) => {
    const fixture = await cluster([{ groupName: "cpu" }]);
    expect((await fixture.pod.run(program("slurm-resume"), args)).exitCode).toBe(code);
  });

  test("a wrong call is in the log, which is all that an admin gets to see of slurmctld's programs", async () => {
    const fixture = await cluster([{ groupName: "cpu" }]);
    await fixture.pod.run(program("slurm-suspend"), ["--namspace", "x", "y"]);
    const lines = await messages(fixture, suspendLog);
    expect(lines[0]).toMatch(/^slurm-suspend was called wrongly: error: unknown option '--namspace'/);
    expect(lines[1]).toMatch(/^suspend finished: 0 recorded, 0 failed, \d+ ms, exit 2$/);
  });

  test("a broken hostlist says where", async () => {
    const fixture = await cluster([{ groupName: "cpu" }]);
    await resume(fixture, "demo-worker-cpu-[0-");
    expect((await messages(fixture)).join("\n")).toMatch(/bad hostlist "demo-worker-cpu-\[0-" at character \d+: /);
  });

  test("without any sign of a cluster the log lists where it looked, exit 2", async () => {
    const fixture = await cluster([{ groupName: "cpu" }]);
    await fixture.pod.write("/etc/slurmd-podinfo/labels", "");
    expect((await resume(fixture, `${fixture.name}-worker-cpu-0`)).exitCode).toBe(2);
    expect((await messages(fixture)).join("\n")).toMatch(
      /cannot tell the cluster; looked at --cluster, SLURM_CLUSTER, "cluster" in \/etc\/slurm/,
    );
  });

  test("a settings file with errors: the defaults are used, the log says file, line and key, scaling happens", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    await fixture.pod.write("/etc/slurm/power-agent.yaml", "\nlogFormat: xml\ndeadline: 3\n");
    expect((await resume(fixture, `${fixture.name}-worker-cpu-0`)).exitCode).toBe(0);
    expect((await fixture.groups()).cpu?.podsToBeCreated).toEqual([0]);
    const lines = await messages(fixture);
    expect(lines[0]).toBe(
      'settings /etc/slurm/power-agent.yaml:2: logFormat: must be text or json, not "xml"; the default is used',
    );
    expect(lines[1]).toMatch(/power-agent.yaml:3: deadline: unknown key; known are /);
  });

  test("the settings file beside $SLURM_CONF is the one that counts", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    await fixture.pod.write("/etc/elsewhere/power-agent.yaml", "logFormat: json\nresumeLog: /var/log/other.log\n");
    await fixture.pod.write("/var/log/other.log", "");
    const env = { SLURM_CONF: "/etc/elsewhere/slurm.conf" };
    expect((await fixture.pod.run(program("slurm-resume"), [`${fixture.name}-worker-cpu-0`], { env })).exitCode).toBe(
      0,
    );
    const [first] = (await fixture.pod.read("/var/log/other.log")).split("\n");
    expect(JSON.parse(first ?? "")).toMatchObject({
      program: "slurm-resume",
      msg: `namespace: default cluster: ${fixture.name}`,
    });
  });

  test("a log that cannot be written stops nothing", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    await fixture.pod.write("/etc/slurm/power-agent.yaml", "resumeLog: /no/such/folder/resume.log\n");
    expect((await resume(fixture, `${fixture.name}-worker-cpu-0`)).exitCode).toBe(0);
    expect((await fixture.groups()).cpu?.podsToBeCreated).toEqual([0]);
  });

  test("a log on a full disk stops nothing", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    await fixture.pod.write("/etc/slurm/power-agent.yaml", "resumeLog: /dev/full\n");
    expect((await resume(fixture, `${fixture.name}-worker-cpu-0`)).exitCode).toBe(0);
    expect((await fixture.groups()).cpu?.podsToBeCreated).toEqual([0]);
  });

  test("a resume file that is gone, or nonsense, stops nothing", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    await fixture.pod.write("/etc/resume.json", '{"jobs":');
    for (const SLURM_RESUME_FILE of ["/proc/1/fd/99999", "/etc/resume.json"]) {
      const { exitCode } = await fixture.pod.run(program("slurm-resume"), [`${fixture.name}-worker-cpu-0`], {
        env: { SLURM_RESUME_FILE },
      });
      expect(exitCode).toBe(0);
    }
    expect(
      (await messages(fixture)).filter((line) => line.startsWith("the jobs that wait are not known, waking goes on: ")),
    ).toHaveLength(2);
  });

  test("the resume file tells which jobs wait", async () => {
    const fixture = await cluster([{ groupName: "cpu", replicas: 0 }]);
    const node = `${fixture.name}-worker-cpu-0`;
    await fixture.pod.write(
      "/etc/resume.json",
      JSON.stringify({ jobs: [{ job_id: 17, nodes_resume: node, partition: "main" }] }),
    );
    await fixture.pod.run(program("slurm-resume"), [node], { env: { SLURM_RESUME_FILE: "/etc/resume.json" } });
    expect(await messages(fixture)).toContain(`job 17 (partition main) waits for ${node}`);
  });
});
