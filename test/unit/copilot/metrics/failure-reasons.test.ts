/** Failures that the copilot did not tell Slurm of itself, from successive looks. */
import { expect, test } from "vitest";
import { followFailures, type KnownFailures } from "../../../../src/copilot/metrics/failure-reasons.ts";
import { makeSnapshot } from "../../../support/copilot.ts";

const timeout = { state: "DOWN+CLOUD+POWERED_DOWN", node: { reason: "ResumeTimeout reached", reasonTime: 100 } };
const silent = { state: "DOWN+CLOUD+POWERED_DOWN", node: { reason: "Not responding", reasonTime: 100 } };
const refused = { state: "DOWN+CLOUD", node: { reason: "power-agent: UnknownGroup: no group x", reasonTime: 100 } };
const ours = {
  state: "DOWN+CLOUD",
  node: { reason: "power-agent: Evicted: m [strike 1 until 2026-11-23T20:00:00Z]", reasonTime: 100 },
};
const admins = { state: "DOWN+CLOUD", node: { reason: "disk", reasonTime: 100 } };
const up = { state: "IDLE+CLOUD" };

test.each([
  ["ResumeTimeout", [up, timeout, timeout], ["cpu ResumeTimeout"]],
  ["a node that did not respond, once it is powered down", [up, silent, silent], ["cpu NotResponding"]],
  ["what slurm-resume finds", [up, refused, refused], ["cpu UnknownGroup"]],
  ["the same again later", [up, timeout, up, timeout], ["cpu ResumeTimeout", "cpu ResumeTimeout"]],
  [
    "the same with another time",
    [up, timeout, { ...timeout, node: { ...timeout.node, reasonTime: 200 } }],
    ["cpu ResumeTimeout", "cpu ResumeTimeout"],
  ],
  ["there in the first look, as after a restart", [timeout, timeout], []],
  ["the copilot's own, which it counts when it acts", [up, ours], []],
  ["an admin's", [up, admins], []],
])("%s", (_case, looks, expected) => {
  let known: KnownFailures | undefined;
  const all = looks.flatMap((worker) => {
    const { after, failed } = followFailures(known, makeSnapshot(worker));
    known = after;
    return failed.map(({ group, reason }) => `${group} ${reason}`);
  });
  expect(all).toEqual(expected);
});
