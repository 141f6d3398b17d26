import { describe, expect, test } from "vitest";
import { resumeTime } from "../../../../src/copilot/check/resume-time.ts";
import { suspendTime } from "../../../../src/copilot/check/suspend-time.ts";
import { type GivenFacts, outcomeOf, template, told } from "../../../support/check-facts.ts";

/** Pods that took so many seconds to start. */
const pods = (...seconds: number[]): GivenFacts => ({
  facts: {
    pods: { value: seconds.map((startSeconds, index) => ({ name: `demo-worker-cpu-${index}`, startSeconds })) },
  },
});

describe("ResumeTimeout of 600 s", () => {
  test.each<[string, GivenFacts, string[]]>([
    ["no Pods yet", {}, []],
    ["fast Pods", pods(20, 30, 100), []],
    [
      "a slow one",
      pods(20, 450, 30),
      ["ResumeTimeoutTight ResumeTimeout: is 600 s; of 3 Pods the slowest took 450 s to start, the middle one 30 s"],
    ],
    [
      "one that came too late",
      pods(700),
      ["ResumeTimeoutExceeded ResumeTimeout: is 600 s; of 1 Pod the slowest took 700 s to start, the middle one 700 s"],
    ],
    ["Slurm's default", { config: { resumeTimeout: 60 } }, ["ResumeTimeoutShort ResumeTimeout: is 60 s"]],
    ["for ever", { ...pods(7000), config: { resumeTimeout: Number.POSITIVE_INFINITY } }, []],
    [
      "the partition's counts, of several the longest",
      {
        nodes: { "demo-worker-cpu-0": { partitions: ["quick", "quicker"] } },
        facts: {
          partitions: {
            value: [
              { name: "quick", nodes: "", resumeTimeout: 90 },
              { name: "quicker", nodes: "", resumeTimeout: 30 },
            ],
          },
        },
      },
      ["ResumeTimeoutShort ResumeTimeout: is 90 s"],
    ],
    [
      "limits of the copilot that come after it",
      { settings: { failingPodSeconds: 600, registrationSeconds: 60 } },
      ["LimitAboveResumeTimeout failingPodSeconds: is 600 s; ResumeTimeout is 600 s"],
    ],
  ])("%s", (_case, given, expected) => {
    expect(told(resumeTime, given)).toEqual(expected);
  });

  test("what is to be set is twice what was seen, in whole minutes", () => {
    expect(outcomeOf(resumeTime, pods(700)).findings[0]?.fix).toMatch(/^ResumeTimeout=1440 in slurm.conf/);
  });

  test("Pods that cannot be listed", () => {
    const { findings, unchecked } = outcomeOf(resumeTime, {
      config: { resumeTimeout: 60 },
      facts: { pods: { unknown: "forbidden" } },
    });
    expect([findings.map(({ code }) => code), unchecked]).toEqual([["ResumeTimeoutShort"], "forbidden"]);
  });
});

describe("SuspendTimeout of 120 s, SuspendTime of 1200 s", () => {
  test.each<[string, GivenFacts, string[]]>([
    ["all is well", {}, []],
    [
      "a Pod that takes long to end",
      { groups: [{ groupName: "cpu", template: template({}, { terminationGracePeriodSeconds: 111 }) }] },
      [
        "SuspendTimeoutShort SuspendTimeout: is 120 s; Pods of worker group cpu have 111 s to end (terminationGracePeriodSeconds)",
      ],
    ],
    [
      "one that is just fast enough",
      { groups: [{ groupName: "cpu", template: template({}, { terminationGracePeriodSeconds: 110 }) }] },
      [],
    ],
    [
      "Slurm's default with Kubernetes' default",
      { config: { suspendTimeout: 30 } },
      [
        "SuspendTimeoutShort SuspendTimeout: is 30 s; Pods of worker group cpu have 30 s to end (terminationGracePeriodSeconds)",
      ],
    ],
    [
      "parked too soon to pay",
      { config: { suspendTime: 300 } },
      ["SuspendTimeShort SuspendTime: is 300 s; SuspendTimeout and ResumeTimeout together are 720 s"],
    ],
    [
      "programs that try for longer",
      { settings: { deadlineSeconds: 120 } },
      ["DeadlineAboveSuspendTimeout deadlineSeconds: is 120 s; SuspendTimeout is 120 s"],
    ],
  ])("%s", (_case, given, expected) => {
    expect(told(suspendTime, given)).toEqual(expected);
  });
});
