import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openImageStore } from "../../scripts/images/store.ts";
import { type ChartCluster, patience, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { type HeldJobs, heldJobs } from "../support/held-jobs.ts";
import { buildNextHead, nextVersion, removeNextHead } from "../support/next-head-image.ts";
import { untilSlurmctldAnswers } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const requests = { cpu: "10m", memory: "64Mi" };
const cpu = { name: "cpu", maxNodes: 4, cpus: 2, memory: "1Gi", requests };
const big = { name: "big", maxNodes: 2, cpus: 2, memory: "2Gi", requests };
const extra = { name: "extra", maxNodes: 2, cpus: 1, memory: "1Gi", requests };

// Each test goes on where the one before ended: one job, `kept`, runs through all changes from the second test on.
describeHelmCluster(`changes to a running system (${inject("suite")})`, () => {
  const nextTag = `next-${process.pid}`;
  const nextHead = `localhost/slurm-power-agent/head:${nextTag}`;
  let demo: ChartCluster;
  let jobs: HeldJobs;
  /** What an admin has in his values file; each change adds to it. */
  let values: object = { workerGroups: [cpu], slurm: { suspendTime: 10, suspendTimeout: 25 } };
  let kept: string;
  let keptPod: string;

  beforeAll(async () => {
    demo = await startChartCluster("demo", { ...values, state: { type: "claim", size: "1Gi" } });
    jobs = heldJobs(demo);
    const store = await openImageStore(process.env);
    await buildNextHead(store, inject("images").head, nextHead);
    await demo.cluster.loadImage(store, nextHead);
  });
  afterAll(async () => {
    await demo?.cluster.stop();
    await removeNextHead(await openImageStore(process.env), nextHead);
  });

  const workerUids = async (): Promise<Record<string, string>> => {
    const names = await demo.workerPods();
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await demo.podUid(name)])));
  };
  /** As an admin does it: nothing but `helm upgrade`. The head comes anew by itself. */
  const change = async (changed: object): Promise<void> => {
    const before = await demo.podUid("demo-0");
    await demo.upgrade({ ...values, ...changed });
    values = { ...values, ...changed };
    await waitFor(
      "a new head",
      () => demo.podUid("demo-0"),
      (uid) => uid !== before,
      patience,
    );
    await untilSlurmctldAnswers(demo.cluster, "demo");
  };
  /** Each node with its state. */
  const nodes = async (): Promise<Record<string, string>> => {
    const lines = (await demo.inHead("sinfo", "--Node", "--noheader", "--format=%N %T")).trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.trim().split(" ")));
  };
  const expectKept = async (): Promise<void> => {
    expect(await jobs.show(kept)).toMatchObject({ JobState: "RUNNING", Restarts: "0", NodeList: "demo-worker-cpu-0" });
    expect(await demo.podUid("demo-worker-cpu-0")).toBe(keptPod);
  };

  test("a newer agent in the head: running and waiting jobs stay, worker Pods stay, the new agent goes on", async () => {
    const running = await jobs.submit("--nodes=2", "--ntasks-per-node=2", "--exclusive");
    const before = await jobs.until(running, "RUNNING");
    const waiting = await jobs.submitShort("--nodes=4", "--exclusive");
    const uids = await workerUids();
    expect(Object.keys(uids)).toEqual(["demo-worker-cpu-0", "demo-worker-cpu-1"]);
    expect(await demo.inHead("slurm-resume", "--version")).not.toBe(`${nextVersion}\n`);

    await change({ head: { image: { tag: nextTag } } });

    const { NodeList, StartTime } = before;
    expect(await jobs.show(running)).toMatchObject({ JobState: "RUNNING", Restarts: "0", NodeList, StartTime });
    expect(await jobs.show(waiting)).toMatchObject({ JobState: "PENDING", Restarts: "0" });
    expect(await workerUids()).toEqual(uids);
    expect(await demo.inHead("slurm-resume", "--version")).toBe(`${nextVersion}\n`);
    await waitFor(
      "the new copilot",
      () => demo.inHead("cat", "/var/log/slurm-resume.log"),
      (log) => log.includes(`copilot ${nextVersion} of default/demo starts`),
      patience,
    );

    await jobs.release(running);
    expect(await jobs.until(running, "COMPLETED")).toMatchObject({ Restarts: "0" });
    expect(await jobs.until(waiting, "COMPLETED")).toMatchObject({ Restarts: "0" });
    expect(await workerUids()).toMatchObject(uids);
    await demo.untilWorkers();
    const parked = (states: Record<string, string>) => Object.values(states).every((state) => state === "idle~");
    await waitFor("all nodes to be parked", nodes, parked, patience);
  });

  test("other settings while a job runs: they hold without a step by hand, job and Pod stay, the key is the same", async () => {
    kept = await jobs.submit("--nodes=1", "--ntasks=1");
    await jobs.until(kept, "RUNNING");
    keptPod = await demo.podUid("demo-worker-cpu-0");
    const mungeKey = () => demo.cluster.kubectl(["get", "secret", "demo-munge", "--output=jsonpath={.data}"]);
    const key = await mungeKey();

    await change({ workerGroups: [{ ...cpu, memory: "2Gi" }], slurm: { suspendTime: 12, suspendTimeout: 25 } });

    expect(await demo.inHead("scontrol", "show", "config")).toMatch(/^SuspendTime +=? *12 sec/m);
    expect(await mungeKey()).toBe(key);
    await expectKept();
    // A worker that starts now has the new size; the one that runs keeps the old one.
    const next = await jobs.submitShort("--nodelist=demo-worker-cpu-1", "--mem=1500");
    await jobs.until(next, "COMPLETED");
    const limit = (pod: string) =>
      demo.cluster.kubectl(["get", "pod", pod, "--output=jsonpath={.spec.containers[0].resources.limits.memory}"]);
    expect(await limit("demo-worker-cpu-1")).toBe("2Gi");
    expect(await limit("demo-worker-cpu-0")).toBe("1Gi");
    await demo.untilWorkers("demo-worker-cpu-0");
  });

  test("a group is added: its nodes are parked, jobs wake them, also together with a worker that ran before", async () => {
    await change({ workerGroups: [cpu, big, extra] });
    const added = ["big-0", "big-1", "extra-0", "extra-1"].map((name) => [`demo-worker-${name}`, "idle~"]);
    expect(await nodes()).toMatchObject(Object.fromEntries(added));
    await expectKept();
    const both = await jobs.submitShort("--nodes=2", "--nodelist=demo-worker-cpu-0,demo-worker-big-0");
    const { BatchHost } = await jobs.until(both, "COMPLETED");
    const output = await demo.cluster.kubectl(["exec", BatchHost ?? "", "--", "cat", `/tmp/slurm-${both}.out`]);
    expect(output.split("\n").filter(Boolean).sort()).toEqual(["demo-worker-big-0", "demo-worker-cpu-0"]);
    await expectKept();
  });

  test("a group is removed, drained first: its job ends, its nodes are parked, its Pods are gone, all else stays", async () => {
    const last = await jobs.submit("--nodelist=demo-worker-big-1");
    await jobs.until(last, "RUNNING");
    const without = { workerGroups: [cpu, extra] };
    const drain = ["nodename=demo-worker-big-[0-1]", "state=drain", "reason=removed"];
    await demo.inHead("scontrol", "update", ...drain);
    await expect(demo.upgrade({ ...values, ...without })).rejects.toThrow(/"big" is no longer in workerGroups.*big-1/);
    expect(await jobs.show(last)).toMatchObject({ JobState: "RUNNING" });
    await jobs.release(last);
    await jobs.until(last, "COMPLETED");
    await demo.untilWorkers("demo-worker-cpu-0");
    await change(without);
    expect(Object.keys(await nodes()).join()).not.toContain("-big-");
    await expectKept();
  });

  test("a group is taken out of the resource under a running job: that job is lost, one that waits for it stays, all else goes on", async () => {
    const lost = await jobs.submit("--nodelist=demo-worker-extra-0");
    const waiting = await jobs.submitShort("--nodes=2", "--constraint=extra");
    await jobs.until(lost, "RUNNING");
    const groups = await demo.cluster.kubectl(["get", "slurmcluster", "demo", "--output=json"]);
    const names = (JSON.parse(groups) as { spec: { workerGroupSpecs: { groupName: string }[] } }).spec.workerGroupSpecs;
    const position = names.findIndex(({ groupName }) => groupName === "extra");
    const patch = JSON.stringify([{ op: "remove", path: `/spec/workerGroupSpecs/${position}` }]);
    await demo.cluster.kubectl(["patch", "slurmcluster", "demo", "--type=json", `--patch=${patch}`]);
    await demo.untilWorkers("demo-worker-cpu-0");
    await change({ workerGroups: [cpu] });
    expect(await jobs.show(lost)).toMatchObject({ JobState: "NODE_FAIL", Restarts: "0" });
    expect(await jobs.show(waiting)).toMatchObject({ JobState: "PENDING" });
    await demo.inHead("scancel", waiting);
    await jobs.until(waiting, "CANCELLED");
    expect(Object.keys(await nodes()).join()).not.toContain("-extra-");
    await expectKept();
  });

  test("after helm uninstall only what is kept on purpose is left", async () => {
    await jobs.release(kept);
    await jobs.until(kept, "COMPLETED");
    const busy = await jobs.submit("--nodes=2", "--ntasks-per-node=2");
    await jobs.until(busy, "RUNNING");
    await demo.helm("uninstall", "demo");
    const kinds = "pods,services,statefulsets,deployments,replicasets,roles,rolebindings,configmaps,slurmclusters";
    const mine = "secrets,persistentvolumeclaims,serviceaccounts,leases";
    await waitFor(
      "what was made for demo to be gone",
      () => demo.cluster.kubectl(["get", `${kinds},${mine}`, "--output=name"]),
      (names) =>
        names
          .split("\n")
          .filter((name) => name.includes("/demo"))
          .sort()
          .join() === "persistentvolumeclaim/demo-state,secret/demo-munge",
      patience,
    );
  });
});
