/** `npm run demo -- --context`: in a cluster where others have their things. */
import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Cluster } from "../../scripts/cluster/cluster.ts";
import { documentedMessages } from "../../scripts/demo/expectations.ts";
import { resource } from "../../scripts/demo/find-operator.ts";
import { autoscalingSteps } from "../../scripts/demo/steps.ts";
import { type Demo, expectNothingLeft, linesUnder, shownResumeLog, startDemoIn, titlesIn } from "../support/demo.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { startLoadedCluster } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

/** Somebody's SlurmCluster. */
const foreignCluster = {
  apiVersion: "kai.alibabacloud.com/v1",
  kind: "SlurmCluster",
  metadata: { name: "theirs", namespace: "elsewhere" },
  spec: { workerGroupSpecs: [] },
};

/** Another project's operator, of which only names and labels are like those of ours. */
const foreignLabels = { "app.kubernetes.io/name": "slurm-operator" };
const foreignOperator = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "slurm-operator", namespace: "elsewhere", labels: foreignLabels },
  spec: {
    replicas: 0,
    selector: { matchLabels: foreignLabels },
    template: {
      metadata: { labels: foreignLabels },
      spec: { containers: [{ name: "manager", image: "example.org/slurm-operator" }] },
    },
  },
};

// Each test goes on where the one before ended.
describeHelmCluster("npm run demo -- --context", () => {
  let cluster: Cluster;
  let environment: NodeJS.ProcessEnv;
  const apply = (object: object): Promise<string> =>
    cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(object) });

  beforeAll(async () => {
    cluster = await startLoadedCluster(({ api }) => api.createNamespace("elsewhere"));
    await cluster.api.applyCrd();
    await apply(foreignCluster);
    await apply(foreignOperator);
    // The user's kubectl, which is looked for first, is one that fits.
    const path = `${dirname(cluster.api.kubectl ?? "")}:${process.env.PATH}`;
    environment = { ...process.env, KUBECONFIG: cluster.api.adminKubeconfig, PATH: path };
  });
  afterAll(() => cluster?.stop());

  const start = (...more: readonly string[]): Demo => {
    const registry = "localhost/slurm-power-agent";
    const args = ["--context", "local", "--registry", registry, "--suite", inject("suite")];
    return startDemoIn(environment, ...args, ...more);
  };
  const namespaceOf = (demo: Demo): string => /Make the namespace (\S+) /.exec(demo.output())?.[1] ?? "";
  /** Runs a line that the demo printed as its user would. */
  const inShell = async (line: string): Promise<string> =>
    (await promisify(execFile)("bash", ["-c", line], { env: environment, timeout: 120_000 })).stdout;

  /** All that is in the cluster of the kinds that demo, charts and operator make, each object with its UID. */
  const everything = async (): Promise<string[]> => {
    const kinds = [
      ...["namespaces", "customresourcedefinitions", "clusterroles", "clusterrolebindings", "persistentvolumes"],
      ...["pods", "services", "deployments", "statefulsets", "configmaps", "secrets"],
      ...["serviceaccounts", "roles", "rolebindings", "leases"],
    ];
    const columns = ["kind", "metadata.namespace", "metadata.name", "metadata.uid"].map((path) => `_:.${path}`);
    const output = `--output=custom-columns=${columns.join(",")}`;
    const rows = await cluster.kubectl(["get", kinds.join(","), "--all-namespaces", "--no-headers", output]);
    return rows
      .split("\n")
      .filter(Boolean)
      .map((row) => row.replaceAll(/ +/g, " "))
      .sort();
  };
  /** With its resourceVersion, by which every write shows. */
  const foreign = (): Promise<string> =>
    cluster.kubectl(["get", resource, "theirs", "--namespace=elsewhere", "--output=json"]);

  /** The same without the objects of a namespace, and the namespace. */
  const without = (namespace: string, rows: readonly string[]): string[] =>
    rows.filter((row) => !row.includes(namespace));

  let kept: Demo;
  test("two at once: every step happens in a namespace of its own; one goes without a trace, one stays", async () => {
    const before = [await everything(), await foreign()];
    kept = start("--keep");
    const demo = start();
    await demo.says("2/11 ");
    // Else the comparison at the end could not find anything either.
    const added = (await everything()).filter((row) => !before[0]?.includes(row)).join("\n");
    expect(added).toContain(`ClusterRole <none> slurm-operator-${namespaceOf(demo)} `);
    expect(added).toContain(`Deployment ${namespaceOf(demo)} slurm-operator `);
    expect(await demo.ended, demo.output()).toBe(0);
    expect(await kept.ended, kept.output()).toBe(0);

    const titles = [
      ...["Install slurm-operator", "Install the Slurm cluster slurm-demo"],
      ...autoscalingSteps.map(({ title }) => title),
    ];
    for (const each of [demo, kept]) {
      const output = each.output();
      expect(titlesIn(output)).toEqual(titles.map((title, index) => `${index + 1}/${titles.length} ${title}`));
      const messages = documentedMessages(namespaceOf(each), "slurm-demo", "cpu", 0);
      expect(shownResumeLog(output).filter((message) => messages.includes(message))).toEqual(messages);
      expect(output).not.toContain("✗");
      await expectNothingLeft(output);
    }
    expect([without(namespaceOf(kept), await everything()), await foreign()]).toEqual(before);
  });

  test("--keep: the printed commands to try work, and those to end it remove all of it", async () => {
    const before = await foreign();
    const output = kept.output();
    const endless = / --(watch|tty)\b/;
    const answers = new Map<string, string>();
    for (const line of linesUnder(output, "To try").filter((each) => !endless.test(each))) {
      answers.set(line.replace(/^.*?--namespace=\S+ /, ""), await inShell(line));
    }
    expect(answers.get("get slurmcluster,pod")).toMatch(/ ready [\s\S]*pod\/slurm-demo-0 +1\/1 +Running /);
    expect(answers.get("exec slurm-demo-0 -- sbatch --array=1-3 /tmp/job.sh")).toMatch(/^Submitted batch job \d+\n$/);
    expect(answers.get("exec slurm-demo-0 -- sinfo")).toMatch(/^PARTITION .*\nmain\* /);
    expect(answers.get("exec slurm-demo-0 -- tail /var/log/slurm-resume.log")).toMatch(/^\S+Z [A-Z]+ /);
    expect(answers.get("exec slurm-demo-0 -- slurmctld-copilot status")).toContain("slurmctld-copilot runs");
    await waitFor(
      "workers for the job",
      () => cluster.kubectl(["get", "pods", `--namespace=${namespaceOf(kept)}`, "--output=name"]),
      (names) => names.includes("slurm-demo-worker-cpu-2"),
      60_000,
    );

    const left = without(namespaceOf(kept), await everything());
    for (const line of linesUnder(output, "To end it and remove all of it")) await inShell(line);
    expect([await everything(), await foreign()]).toEqual([left, before]);
  });

  test.each([
    ["the resource goes with the demo that brought it", false],
    ["the resource stays when somebody has a SlurmCluster by then", true],
  ])("ended by SIGINT: exit 130; %s", async (_, isUsed) => {
    await cluster.kubectl(["delete", "crd", resource, "--ignore-not-found"]);
    const before = await everything();
    const demo = start();
    await demo.says("$ helm ");
    if (isUsed) await apply(foreignCluster);
    const isResource = (row: string): boolean => row.includes(` ${resource} `);
    const brought = (await everything()).filter(isResource);
    expect(brought).toHaveLength(1);
    demo.child.kill("SIGINT");
    expect(await demo.ended, demo.output()).toBe(130);
    const after = await everything();
    expect(after.filter((row) => !isResource(row))).toEqual(before);
    expect(after.filter(isResource)).toEqual(isUsed ? brought : []);
    await expectNothingLeft(demo.output());
  });
});
