import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ctr } from "../../scripts/cluster/node-images.ts";
import { untilAllParked } from "../support/agreement.ts";
import { type ChartCluster, patience, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { type HeldJobs, heldJobs } from "../support/held-jobs.ts";
import { accidentConf, type PodDeletions, watchDeletions } from "../support/pod-deletions.ts";
import { untilSlurmctldAnswers } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const group = { maxNodes: 4, cpus: 1, memory: "1Gi", requests: { cpu: "10m", memory: "64Mi" } };
const values = {
  workerGroups: [
    { ...group, name: "cpu" },
    { ...group, name: "big" },
  ],
  slurm: { extraConf: accidentConf },
  state: { type: "claim", size: "1Gi" },
};

// Each test goes on where the one before ended.
describeHelmCluster(`accidents of operator and head on a real kubelet (${inject("suite")})`, () => {
  let demo: ChartCluster;
  let jobs: HeldJobs;
  let deletions: PodDeletions;
  let running: string;

  beforeAll(async () => {
    demo = await startChartCluster("demo", values);
    jobs = heldJobs(demo);
    deletions = watchDeletions(demo);
  });
  afterAll(() => demo?.cluster.stop());

  interface Pod {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly status: {
      readonly containerStatuses?: readonly { readonly containerID?: string; restartCount: number }[];
    };
  }
  const pods = async (selector: string): Promise<readonly Pod[]> => {
    const text = await demo.cluster.kubectl(["get", "pods", `--selector=${selector}`, "--output=json"]);
    return (JSON.parse(text) as { items: readonly Pod[] }).items;
  };
  const headSelector = "kai.alibabacloud.com/slurm-node-type=head";
  const operatorSelector = "app.kubernetes.io/name=slurm-operator";
  const workerUids = async (): Promise<Record<string, string>> => {
    const workers = await pods("kai.alibabacloud.com/slurm-node-type=worker");
    return Object.fromEntries(workers.map(({ metadata }) => [metadata.name, metadata.uid]));
  };
  /** Of the workers that run the job `running`. */
  const runningUids = async (): Promise<Record<string, string>> => {
    const workers = Object.entries(await workerUids());
    return Object.fromEntries(workers.filter(([name]) => name.startsWith("demo-worker-cpu-")));
  };
  /** What the resource says is to be made in the group big, as JSON. */
  const askedOfBig = (): Promise<string> => {
    const path = '{.spec.workerGroupSpecs[?(@.groupName=="big")].podsToBeCreated}';
    return demo.cluster.kubectl(["get", "slurmcluster", "demo", `--output=jsonpath=${path}`]);
  };
  const headUid = (): Promise<string> => demo.podUid("demo-0");
  /** A signal for the first process of a Pod's container, by the node's root. */
  const signal = async (name: "SIGKILL" | "SIGSTOP", pod: Pod | undefined): Promise<void> => {
    const container = pod?.status.containerStatuses?.[0]?.containerID?.replace("containerd://", "") ?? "";
    await ctr(demo.cluster.folder, ["tasks", "kill", `--signal=${name}`, container]);
  };

  test("the operator is killed while eight workers are to come: all come, each is made once, none is ended", async () => {
    const [operator] = await pods(operatorSelector);
    running = await jobs.submit("--nodes=4", "--ntasks-per-node=1", "--constraint=cpu");
    const first = await waitFor("the first worker", workerUids, (uids) => Object.keys(uids).length > 0, patience);
    // It must not act on what follows before it is killed.
    await signal("SIGSTOP", operator);
    const later = await jobs.submit("--nodes=4", "--ntasks-per-node=1", "--constraint=big");
    await waitFor(
      "the workers of the second job to be asked for",
      askedOfBig,
      (asked) => asked === "[0,1,2,3]",
      patience,
    );
    expect(Object.keys(await workerUids()).join()).not.toContain("-big-");
    await signal("SIGKILL", operator);

    await jobs.until(running, "RUNNING");
    await jobs.until(later, "RUNNING");
    const names = ["big", "cpu"].flatMap((name) => [0, 1, 2, 3].map((index) => `demo-worker-${name}-${index}`));
    const uids = await workerUids();
    expect(Object.keys(uids).sort()).toEqual(names);
    expect(uids).toMatchObject(first);
    expect(await deletions.creations()).toMatchObject(Object.fromEntries(names.map((name) => [name, 1])));
    const [same] = await pods(operatorSelector);
    expect(same?.metadata.uid).toBe(operator?.metadata.uid);
    expect(same?.status.containerStatuses?.[0]?.restartCount).toBeGreaterThan(0);
    await jobs.release(later);
    await jobs.until(later, "COMPLETED");
  });

  test("the head's Pod is deleted: a job on four workers goes on, and Slurm knows of it", async () => {
    const uids = await runningUids();
    const head = await headUid();
    const { StartTime, NodeList } = await jobs.show(running);

    await demo.cluster.kubectl(["delete", "pod", "demo-0"]);

    await waitFor("another head", headUid, (uid) => uid !== head, patience);
    await untilSlurmctldAnswers(demo.cluster, "demo");
    expect(await jobs.show(running)).toMatchObject({ JobState: "RUNNING", Restarts: "0", StartTime, NodeList });
    expect(await runningUids()).toEqual(uids);
  });

  test("slurmctld is killed: the same job goes on", async () => {
    const uids = await runningUids();
    const { StartTime, NodeList } = await jobs.show(running);
    const [head] = await pods(headSelector);

    await signal("SIGKILL", head);

    await waitFor(
      "another container in the same Pod",
      () => pods(headSelector),
      ([pod]) => pod?.metadata.uid === head?.metadata.uid && pod?.status.containerStatuses?.[0]?.restartCount === 1,
      patience,
    );
    await untilSlurmctldAnswers(demo.cluster, "demo");
    expect(await jobs.show(running)).toMatchObject({ JobState: "RUNNING", Restarts: "0", StartTime, NodeList });
    expect(await runningUids()).toEqual(uids);
    await jobs.release(running);
    expect(await jobs.until(running, "COMPLETED")).toMatchObject({ Restarts: "0", StartTime, NodeList });
  });

  test("the copilot is killed: the head's log tells so, and another one goes on", async () => {
    // The head's first processes are shells that hold its name in their script: the pattern must leave them out.
    const copilot = "^/opt/slurm-power-agent/node .*/slurmctld-copilot";
    const pid = (): Promise<string> => demo.inHead("pgrep", "--full", copilot);
    const killed = await pid();
    expect(killed).toMatch(/^\d+\n$/);

    await demo.inHead("pkill", "-KILL", "--full", copilot);

    await waitFor(
      "the head's log to tell",
      () => demo.cluster.kubectl(["logs", "demo-0"]),
      (log) => log.includes("slurmctld-copilot ended with exit code 137; starts again in 5 s\n"),
      patience,
    );
    const status = await waitFor(
      "a copilot that answers",
      () => demo.inHead("slurmctld-copilot", "status"),
      (text) => text.startsWith("default/demo: slurmctld-copilot runs, last look "),
      patience,
    );
    expect(status).not.toContain("defect");
    const another = await pid();
    expect(another).toMatch(/^\d+\n$/);
    expect(another).not.toBe(killed);
  });

  test("after all of it power saving works, and no Pod was ended that Slurm had not parked before", async () => {
    await untilAllParked(demo);
    const id = await jobs.submitShort("--nodelist=demo-worker-big-1");
    await jobs.until(id, "COMPLETED");
    expect(await deletions.wrong()).toEqual([]);
  });
});
