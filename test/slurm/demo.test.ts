/** `npm run demo -- --local` as a user runs it, after set-up: the whole of it, and its clean-up wherever it is ended. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { documentedMessages } from "../../scripts/demo/expectations.ts";
import { autoscalingSteps } from "../../scripts/demo/steps.ts";
import { expectNothingLeft, foldersOf, shownResumeLog, startDemo, titlesIn } from "../support/demo.ts";
import { processesMentioning } from "../support/processes-mentioning.ts";

test("every step happens, and nothing is left", async () => {
  const demo = startDemo("--local");
  await demo.says("1/9 ");
  // Else the check at the end could not find anything either.
  expect((await processesMentioning(...foldersOf(demo.output()))).join("\n")).toMatch(
    /slurmctld[\s\S]*kube-apiserver|kube-apiserver[\s\S]*slurmctld/,
  );
  expect(await demo.ended, demo.output()).toBe(0);

  const output = demo.output();
  const messages = documentedMessages("default", "slurm-demo", "cpu", 0);
  expect(shownResumeLog(output).filter((message) => messages.includes(message))).toEqual(messages);
  expect(titlesIn(output)).toEqual(
    autoscalingSteps.map(({ title }, index) => `${index + 1}/${autoscalingSteps.length} ${title}`),
  );
  for (const proof of [
    "no worker is asked for and there is no worker Pod",
    "all 11 nodes are idle~ (~ means powered down)",
    "podsToBeCreated is [0], replicas is 1, and the Pod is Running",
    "slurm-demo-worker-cpu-0 is up, the other 10 nodes are still idle~",
    "job 1 is COMPLETED on slurm-demo-worker-cpu-0",
    "slurm-suspend has recorded that the worker is to go",
    "all 11 nodes are idle~, no worker Pod is left, podsToBeCreated is []",
  ]) {
    expect(output).toContain(`\n  ✓ ${proof}\n`);
  }
  expect(output).not.toContain("✗");
  // Plain text on a pipe: no colours, nothing overwritten.
  expect(output).not.toContain("\x1b");
  expect(output).not.toContain("\r");
  await expectNothingLeft(output);
});

test.each([
  ["SIGINT", "until the end.", 130],
  ["SIGINT", "Start etcd and kube-apiserver", 130],
  ["SIGTERM", "Start munged and slurmctld", 143],
  ["SIGINT", "4/9 ", 130],
  ["SIGINT", "7/9 ", 130],
] as const)('%s after "%s": exit %i, and nothing is left', async (signal, place, code) => {
  const demo = startDemo("--local");
  await demo.says(place);
  demo.child.kill(signal);
  expect(await demo.ended, demo.output()).toBe(code);
  expect(demo.output()).toContain(`ended by ${signal}`);
  await expectNothingLeft(demo.output());
});

test("a step that does not happen: exit 1, what was expected and seen, the ends of the logs, and nothing is left", async () => {
  const demo = startDemo("--local");
  await demo.says("7/9 ");
  const conf = /export SLURM_CONF=(\S+)/.exec(demo.output())?.[1];
  await promisify(execFile)("scancel", ["1"], { env: { PATH: process.env.PATH, SLURM_CONF: conf } });
  expect(await demo.ended, demo.output()).toBe(1);
  const output = demo.output();
  expect(output).toContain(
    "\n  ✗ did not happen: 7/9 The job runs on it\n  expected\n    JobState=COMPLETED\n  last seen\n",
  );
  expect(output).toMatch(/last seen\n.*JobState=CANCELLED/);
  expect(output).toMatch(/\n {2}end of slurm-resume\.log\n {4}\S+ INFO .*namespace: default cluster: slurm-demo\n/);
  expect(output).toMatch(/\n {2}end of slurmctld\.log.*\n {4}\[/);
  await expectNothingLeft(output);
});
