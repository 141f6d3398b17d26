/** `npm run demo` as a user runs it, after set-up: a whole Kubernetes, the charts, the walk-through, and its clean-up. */
import { expect, inject, test } from "vitest";
import { documentedMessages } from "../../scripts/demo/expectations.ts";
import { autoscalingSteps } from "../../scripts/demo/steps.ts";
import { expectTracesGone, tracesOf } from "../support/cluster-traces.ts";
import { expectNothingLeft, foldersOf, shownResumeLog, startDemo, titlesIn } from "../support/demo.ts";
import { describeCluster } from "../support/describe-cluster.ts";
import { processesMentioning } from "../support/processes-mentioning.ts";

describeCluster("npm run demo", () => {
  test("every documented step happens in Pods, and nothing is left", async () => {
    const demo = startDemo("--suite", inject("suite"));
    await demo.says("3/11 ");
    // Else the checks at the end could not find anything either.
    const [, clusterFolder = ""] = foldersOf(demo.output());
    expect((await processesMentioning(clusterFolder)).join("\n")).toContain("kubelet");
    expect(await demo.ended, demo.output()).toBe(0);

    const output = demo.output();
    const titles = [
      "Install slurm-operator",
      "Install the Slurm cluster slurm-demo",
      ...autoscalingSteps.map(({ title }) => title),
    ];
    expect(titlesIn(output)).toEqual(titles.map((title, index) => `${index + 1}/${titles.length} ${title}`));
    const messages = documentedMessages("default", "slurm-demo", "cpu", 0);
    expect(shownResumeLog(output).filter((message) => messages.includes(message))).toEqual(messages);
    for (const proof of [
      "all 11 nodes are idle~ (~ means powered down)",
      "podsToBeCreated is [0], replicas is 1, and the Pod is Running",
      "slurm-demo-worker-cpu-0 is up, the other 10 nodes are still idle~",
      "job 1 is COMPLETED on slurm-demo-worker-cpu-0",
      "slurm-suspend has recorded that the worker is to go",
      "all 11 nodes are idle~, no worker Pod is left, podsToBeCreated is []",
    ]) {
      expect(output).toContain(`\n  ✓ ${proof}\n`);
    }
    // What the job itself printed: the worker's host name.
    expect(output).toMatch(/cat \/tmp\/slurm-1\.out\n {4}slurm-demo-worker-cpu-0\n/);
    expect(output).not.toContain("✗");
    await expectNothingLeft(output);
  });

  test("SIGINT while the worker runs: exit 130, and nothing is left", async () => {
    const demo = startDemo("--suite", inject("suite"));
    await demo.says("8/11 ");
    const [, clusterFolder = ""] = foldersOf(demo.output());
    const traces = await tracesOf(clusterFolder);
    demo.child.kill("SIGINT");
    expect(await demo.ended, demo.output()).toBe(130);
    expect(demo.output()).toContain("ended by SIGINT");
    await expectNothingLeft(demo.output());
    expectTracesGone(traces);
  });
});
