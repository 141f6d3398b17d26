import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { untilAllParked } from "../support/agreement.ts";
import { type ChartCluster, patience, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { type HeldJobs, heldJobs } from "../support/held-jobs.ts";
import { accidentConf, type PodDeletions, watchDeletions } from "../support/pod-deletions.ts";
import { waitFor } from "../support/wait-for.ts";

const requests = { cpu: "10m", memory: "64Mi" };
const group = { maxNodes: 4, cpus: 1, memory: "1Gi", requests };
const limits = { failingPodSeconds: 15, unschedulableSeconds: 20 };
const values = {
  // Slurm takes nodes of less weight first.
  workerGroups: [
    { ...group, name: "cpu", nodeOptions: "Weight=30" },
    { ...group, name: "big", nodeOptions: "Weight=10" },
    { ...group, name: "wide", maxNodes: 2, nodeOptions: "Weight=40" },
  ],
  slurm: { extraConf: accidentConf },
  // Much longer than a requeued job waits, which is for AuthInfo=cred_expire, 30 s: else it would be tried in the same group again.
  powerAgent: { ...limits, backOffSeconds: 600 },
};

interface Container {
  readonly image: string;
  readonly resources: object;
}

// Each test goes on where the one before ended. One accident is mended only after the other has happened.
describeHelmCluster(`worker templates that cannot work, on a real kubelet (${inject("suite")})`, () => {
  let demo: ChartCluster;
  let jobs: HeldJobs;
  let deletions: PodDeletions;
  /** The containers of the groups big and wide as they were. */
  let big: Container;
  let wide: Container;
  /** A job that only the group wide can run. */
  let wideJob: string;
  /** Each reason that ever stood in the resource's status; some pass quickly. */
  const reasons: string[] = [];
  let unwatch: () => void;

  beforeAll(async () => {
    demo = await startChartCluster("demo", values);
    jobs = heldJobs(demo);
    deletions = watchDeletions(demo);
    unwatch = demo.watchResource(({ status: { reason } = {} }) => {
      if (typeof reason === "string" && reason !== reasons.at(-1)) reasons.push(reason);
    });
  });
  afterAll(async () => {
    unwatch?.();
    await demo?.cluster.stop();
  });

  /** As an admin would by `kubectl edit`: changes a group's container, and gives the one before. */
  const changeContainer = async (name: string, change: Partial<Container>): Promise<Container> => {
    const text = await demo.cluster.kubectl(["get", "slurmcluster", "demo", "--output=json"]);
    const { spec } = JSON.parse(text) as {
      spec: {
        workerGroupSpecs: { groupName: string; template: { spec: { containers: [Container] } } }[];
      };
    };
    const position = spec.workerGroupSpecs.findIndex(({ groupName }) => groupName === name);
    const container = spec.workerGroupSpecs[position]?.template.spec.containers[0];
    if (container === undefined) throw new Error(`there is no group ${name}`);
    const path = `/spec/workerGroupSpecs/${position}`;
    const patch = [
      { op: "test", path: `${path}/groupName`, value: name },
      { op: "replace", path: `${path}/template/spec/containers/0`, value: { ...container, ...change } },
    ];
    await demo.cluster.kubectl(["patch", "slurmcluster", "demo", "--type=json", `--patch=${JSON.stringify(patch)}`]);
    return container;
  };
  const untilDown = (node: string, reason: RegExp): Promise<string> =>
    waitFor(
      `${node} to be DOWN with the reason`,
      () => demo.inHead("scontrol", "--oneliner", "show", "node", node),
      (record) => / State=DOWN/.test(record) && reason.test(record),
      patience,
    );
  const untilStatus = (wanted: RegExp): Promise<unknown> =>
    waitFor(
      `the reason ${wanted} in the resource's status`,
      () => reasons,
      (found) => found.some((reason) => wanted.test(reason)),
      patience,
    );
  /** As docs/operations.md says. */
  const changeSettings = async (settings: Readonly<Record<string, number>>): Promise<void> => {
    const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`);
    await demo.writeInHead("/etc/slurm/power-agent.yaml", lines.join(""));
    await demo.inHead("pkill", "-HUP", "-u", "slurm", "-f", "/opt/slurm-power-agent/slurmctld-copilot");
    await waitFor(
      "the copilot to read its settings",
      () => demo.inHead("cat", "/var/log/slurm-resume.log"),
      (log) => log.includes("settings read again"),
      patience,
    );
  };

  test("an image that is nowhere: the node is DOWN and says so, its job runs in another group", async () => {
    big = await changeContainer("big", { image: "localhost/slurm-power-agent/worker:nowhere" });
    const id = await jobs.submitShort();
    await untilStatus(/^1 of 1 workers are not ready; demo-worker-big-0: .*Image/);
    await untilDown("demo-worker-big-0", /Reason=power-agent: ImagePullBackOff: /);
    for (const index of [1, 2, 3]) await untilDown(`demo-worker-big-${index}`, /Reason=power-agent: CapacityBackOff: /);
    const { NodeList, Restarts } = await jobs.until(id, "COMPLETED");
    expect(NodeList).not.toContain("-big-");
    expect(Number(Restarts)).toBeGreaterThan(0);
  });

  test("a worker larger than any machine: the node is DOWN and says so, as does the resource, and the job waits", async () => {
    // This group is to be tried again soon.
    await changeSettings({ ...limits, backOffSeconds: 20 });
    const resources = { limits: { cpu: "1000" }, requests: { cpu: "1000" } };
    wide = await changeContainer("wide", { resources });
    wideJob = await jobs.submitShort("--constraint=wide");
    await untilStatus(/demo-worker-wide-0: Unschedulable: .*Insufficient cpu/);
    await untilDown("demo-worker-wide-0", /Reason=power-agent: Unschedulable: .*Insufficient cpu/);
    const { Restarts } = await jobs.until(wideJob, "PENDING");
    expect(Number(Restarts)).toBeGreaterThan(0);
  });

  test("when the template is right again, the job that waited is done, without a step by hand", async () => {
    await changeContainer("wide", wide);
    expect(await jobs.until(wideJob, "COMPLETED")).toMatchObject({ NodeList: expect.stringContaining("-wide-") });
  });

  test("nor need anybody wait for the end of a back-off: the admin returns the nodes", async () => {
    await changeContainer("big", big);
    const nodes = await waitFor(
      "the group to be parked",
      async () => (await demo.inHead("sinfo", "--noheader", "--Node", "--format=%N %T")).match(/\S+-big-\d+ .*/g) ?? [],
      (found) => found.length === 4 && found.every((node) => node.includes(" down~")),
      patience,
    );
    const closed = nodes.map((node) => node.split(" ", 1)[0]).join();
    await demo.inHead("scontrol", "update", `nodename=${closed}`, "state=resume");
    const id = await jobs.submitShort("--nodes=4", "--ntasks-per-node=1", "--constraint=big");
    expect(await jobs.until(id, "COMPLETED")).toMatchObject({ NodeList: "demo-worker-big-[0-3]" });
  });

  test("after all of it everything is parked, and no Pod was ended that Slurm had not parked before", async () => {
    await untilAllParked(demo);
    expect(await deletions.wrong()).toEqual([]);
  });
});
