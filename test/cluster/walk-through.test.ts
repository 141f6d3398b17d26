import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { documentedMessages } from "../../scripts/demo/expectations.ts";
import { describeCluster } from "../support/describe-cluster.ts";
import { jobLines, podTables, sinfoTables, slurmClusterTable, withoutAges } from "../support/documented-output.ts";
import { testedVersions } from "../support/tested-versions.ts";
import { startTrialCluster, type TrialCluster } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";
import { untilNoZombies } from "../support/zombies.ts";

const slurmVersions = { bookworm: "22.05", trixie: "24.11", sid: "26.05" };
const worker = "slurm-demo-worker-cpu-0";

// Each test goes on where the one before ended, as the walk-through does.
describeCluster(`the documented walk-through on Slurm ${slurmVersions[inject("suite")]}`, () => {
  let trial: TrialCluster;
  beforeAll(async () => {
    trial = await startTrialCluster();
  });
  afterAll(() => trial?.cluster.stop());

  /** Waits until a command prints this and nothing else: states come one after the other, and soon. */
  const untilShown = async (command: () => Promise<string>, expected: string): Promise<void> => {
    await waitFor(`\n${expected}`, command, (shown) => shown === expected, 180_000);
  };
  const sinfo = (): Promise<string> => trial.inHead("sinfo");
  const table = async (kind: string): Promise<string> => withoutAges(await trial.cluster.kubectl(["get", kind]));
  const workerPods = async (): Promise<string[]> => {
    const selector = "--selector=kai.alibabacloud.com/slurm-node-type=worker";
    return (await trial.cluster.kubectl(["get", "pods", selector, "--output=name"])).split("\n").filter(Boolean);
  };

  test("the head runs the Slurm of its image, and all nodes are parked", async ({ task }) => {
    task.meta.versions = await testedVersions(trial);
    expect(await trial.inHead("sinfo", "--version")).toContain(slurmVersions[inject("suite")]);
    expect(await sinfo()).toBe(sinfoTables.parked);
    await untilShown(() => table("slurmcluster"), slurmClusterTable(0));
    await untilShown(() => table("pod"), podTables.parked);
    const replicas = "--output=jsonpath={.spec.workerGroupSpecs[0].replicas}";
    expect(await trial.cluster.kubectl(["get", "slurmcluster", "slurm-demo", replicas])).toBe("0");
  });

  test("a job wakes a node and is done, and all that shows it does so word for word", async () => {
    await trial.writeInHead("/tmp/job.sh", "#!/bin/bash\nsrun hostname\n");
    const submitted = await trial.inHead("sbatch", "--chdir=/tmp", "/tmp/job.sh");
    expect(submitted).toBe("Submitted batch job 1\n");
    await waitFor(
      "the job",
      () => trial.inHead("scontrol", "show", "job", "1"),
      (job) => /JobState=(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)/.test(job),
      180_000,
    );
    // Before SuspendTime is over.
    await untilShown(sinfo, sinfoTables.woken);
    await untilShown(() => table("pod"), podTables.woken);
    await untilShown(() => table("slurmcluster"), slurmClusterTable(1));
    const job = await trial.inHead("scontrol", "show", "job", "1");
    expect(job.split("\n").filter((line) => /^ *(JobState|NodeList)=/.test(line))).toEqual(jobLines);
    expect(job).toContain("ExitCode=0:0");

    const lines = (await trial.inHead("cat", "/var/log/slurm-resume.log")).split("\n");
    const messages = lines.map((line) => line.split(/\s+/).slice(3).join(" "));
    const documented = documentedMessages("default", "slurm-demo", "cpu", 0);
    expect(messages.filter((message) => documented.includes(message))).toEqual(documented);
    // A job's output is on its node, as there is no shared /home here.
    expect(await trial.cluster.kubectl(["exec", worker, "--", "cat", "/tmp/slurm-1.out"])).toBe(`${worker}\n`);
  });

  test("names of nodes are found, in the head and in the worker, through the Service", async () => {
    const address = await trial.cluster.kubectl(["get", "pod", worker, "--output=jsonpath={.status.podIP}"]);
    expect(await trial.inHead("getent", "hosts", worker)).toContain(address);
    const head = await trial.cluster.kubectl(["get", "pod", "slurm-demo-0", "--output=jsonpath={.status.podIP}"]);
    expect(await trial.cluster.kubectl(["exec", worker, "--", "getent", "hosts", "slurm-demo-0"])).toContain(head);
  });

  test("processes that have ended are gone, from the worker and from the head", async () => {
    await untilNoZombies(trial.cluster, worker, "slurm-demo-0");
  });

  test("the worker's Pod holds no token, and its container gets no word of the API's", async () => {
    const mounted = "/var/run/secrets/kubernetes.io/serviceaccount";
    await expect(trial.cluster.kubectl(["exec", worker, "--", "ls", mounted])).rejects.toThrow("No such file");
  });

  test("after SuspendTime the node is parked again and its Pod is gone", async () => {
    await waitFor("no worker Pod", workerPods, (pods) => pods.length === 0, 180_000);
    await untilShown(sinfo, sinfoTables.parked);
    await untilShown(() => table("pod"), podTables.parked);
    await untilShown(() => table("slurmcluster"), slurmClusterTable(0));
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
