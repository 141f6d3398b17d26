import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { describeCluster } from "../support/describe-cluster.ts";
import { testedVersions } from "../support/tested-versions.ts";
import { startTrialCluster, type TrialCluster } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const slurmVersions = { bookworm: "22.05", trixie: "24.11", sid: "26.05" };
const worker = "slurm-demo-worker-cpu-0";

/** What a user who follows the documentation of SlurmCluster reads after one node is resumed. */
const documentedLog = [
  "namespace: default cluster: slurm-demo",
  `resume called, args [${worker}]`,
  "slurm cluster metadata: default slurm-demo",
  "get SlurmCluster CR slurm-demo succeed",
  `hostlists: [${worker}]`,
  `resume node ${worker}`,
  "resume worker -cpu-0",
  "resume node -cpu-0 end",
];

// Each test goes on where the one before ended, as the walk-through does.
describeCluster(`the documented walk-through on Slurm ${slurmVersions[inject("suite")]}`, () => {
  let trial: TrialCluster;
  beforeAll(async () => {
    trial = await startTrialCluster();
  });
  afterAll(() => trial?.cluster.stop());

  const sinfo = (): Promise<string> => trial.inHead("sinfo", "--noheader", "--format=%D %T %N");
  const workerPods = async (): Promise<string[]> => {
    const selector = "--selector=kai.alibabacloud.com/slurm-node-type=worker";
    return (await trial.cluster.kubectl(["get", "pods", selector, "--output=name"])).split("\n").filter(Boolean);
  };

  test("the head runs the Slurm of its image, and all nodes are parked", async ({ task }) => {
    task.meta.versions = await testedVersions(trial);
    expect(await trial.inHead("sinfo", "--version")).toContain(slurmVersions[inject("suite")]);
    expect((await sinfo()).trim()).toBe("11 idle~ slurm-demo-worker-cpu-[0-10]");
    expect(await workerPods()).toEqual([]);
  });

  test("a job wakes a node: the log tells so word for word, the Pod comes, the job is done", async () => {
    await trial.writeInHead("/tmp/job.sh", "#!/bin/bash\nsrun hostname\n");
    const submitted = await trial.inHead("sbatch", "--chdir=/tmp", "/tmp/job.sh");
    expect(submitted).toBe("Submitted batch job 1\n");
    await waitFor(
      "the job",
      () => trial.inHead("scontrol", "show", "job", "1"),
      (job) => /JobState=(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)/.test(job),
      180_000,
    );
    const job = await trial.inHead("scontrol", "show", "job", "1");
    expect(job).toContain("JobState=COMPLETED");
    expect(job).toContain(` NodeList=${worker}\n`.trimStart());
    expect(job).toContain("ExitCode=0:0");

    const lines = (await trial.inHead("cat", "/var/log/slurm-resume.log")).split("\n");
    const messages = lines.map((line) => line.split(/\s+/).slice(3).join(" "));
    expect(messages.filter((message) => documentedLog.includes(message))).toEqual(documentedLog);
    expect(await workerPods()).toEqual([`pod/${worker}`]);
    // A job's output is on its node, as there is no shared /home here.
    expect(await trial.cluster.kubectl(["exec", worker, "--", "cat", "/tmp/slurm-1.out"])).toBe(`${worker}\n`);
  });

  test("names of nodes are found, in the head and in the worker, through the Service", async () => {
    const address = await trial.cluster.kubectl(["get", "pod", worker, "--output=jsonpath={.status.podIP}"]);
    expect(await trial.inHead("getent", "hosts", worker)).toContain(address);
    const head = await trial.cluster.kubectl(["get", "pod", "slurm-demo-0", "--output=jsonpath={.status.podIP}"]);
    expect(await trial.cluster.kubectl(["exec", worker, "--", "getent", "hosts", "slurm-demo-0"])).toContain(head);
  });

  test("the resource tells of the worker", async () => {
    const table = await trial.cluster.kubectl(["get", "slurmcluster"]);
    expect(table.split("\n")[0]?.trim().split(/ {2,}/)).toEqual(["NAME", "AVAILABLE WORKERS", "STATUS", "AGE"]);
  });

  test("the worker's Pod holds no token, and its container gets no word of the API's", async () => {
    const mounted = "/var/run/secrets/kubernetes.io/serviceaccount";
    await expect(trial.cluster.kubectl(["exec", worker, "--", "ls", mounted])).rejects.toThrow("No such file");
  });

  test("after SuspendTime the node is parked again and its Pod is gone", async () => {
    await waitFor("no worker Pod", workerPods, (pods) => pods.length === 0, 180_000);
    await waitFor("all nodes to be parked", sinfo, (state) => /^11 idle~ /.test(state), 180_000);
    expect(await trial.inHead("cat", "/var/log/slurm-suspend.log")).toContain(worker);
  });

  test("when the resource is deleted all that the operator made is gone", async () => {
    await trial.cluster.kubectl(["delete", "slurmcluster", "slurm-demo"]);
    const kinds = "pods,services,statefulsets,roles,rolebindings,serviceaccounts";
    await waitFor(
      "an empty namespace",
      () => trial.cluster.kubectl(["get", kinds, "--output=name"]),
      (names) => names.trim() === "service/kubernetes\nserviceaccount/default",
      120_000,
    );
  });
});
