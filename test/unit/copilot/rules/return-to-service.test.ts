import { describe, expect, test } from "vitest";
import { returnToService } from "../../../../src/copilot/rules/return-to-service.ts";
import { formatReason } from "../../../../src/slurm/own-reason.ts";
import { type GivenWorker, LEFT_ALONE, NOW, rounds } from "../../../support/copilot.ts";

/** A Reason of the copilot's that ends two minutes from now. */
function reason(strike: number): string {
  return formatReason({ code: "Evicted", message: "memory", strike, until: NOW + 120_000 });
}

const ours = { reason: reason(1), reasonTime: NOW / 1000 };
const byResume = { reason: "power-agent: Deadline: not recorded in time", reasonTime: NOW / 1000 };
const byTimeout = { reason: "ResumeTimeout reached", reasonTime: NOW / 1000 };
const bySilence = { reason: "Not responding", reasonTime: NOW / 1000 };
const parked = "DOWN+CLOUD+POWERED_DOWN";

describe("return-to-service", () => {
  test.each<[string, GivenWorker]>([
    ["the copilot set DOWN", { state: "DOWN+CLOUD", node: ours }],
    ["is named for deletion", { state: "DOWN+CLOUD", node: ours, unwanted: true }],
    ["was powering up", { state: "DOWN+CLOUD+NOT_RESPONDING+POWERING_UP", node: ours }],
    ["slurm-resume set DOWN", { state: "DOWN+CLOUD+POWERING_UP", node: byResume }],
  ])("powers down at once a node without a Pod that %s", (_title, given) => {
    expect(rounds(returnToService, given, [])).toMatchObject([[expect.stringMatching(/^power-down /)]]);
  });

  test.each<[string, GivenWorker]>([
    ["is still wanted", { state: "DOWN+CLOUD", node: ours, wanted: true }],
    ["is still wanted, with a Pod", { state: "DOWN+CLOUD+POWERING_UP", node: ours, wanted: true, pod: {} }],
    ["has a Pod that nobody ends", { state: "DOWN+CLOUD", node: ours, pod: {} }],
  ])("withdraws, after two rounds, a node that we set DOWN and that %s", (_title, given) => {
    expect(rounds(returnToService, given, [4, 5])).toEqual([[], [], ["suspend NotWithdrawn"]]);
  });

  test.each<[string, GivenWorker, number]>([
    ["the back-off in its Reason", { state: parked, node: ours }, 120],
    ["the back-off in its Reason, with more flags", { state: `${parked}+NOT_RESPONDING+RESERVED`, node: ours }, 120],
    ["a back-off that is a strike's later", { state: parked, node: { ...ours, reason: reason(4) } }, 120],
    ["the default back-off after slurm-resume", { state: parked, node: byResume }, 120],
    ["the default back-off after ResumeTimeout", { state: parked, node: byTimeout }, 120],
    [
      "the default back-off after ResumeTimeout that came again",
      { state: parked, node: { ...byTimeout, reason: "ResumeTimeout reached : ResumeTimeout reached" } },
      120,
    ],
    ["the default back-off after it did not respond", { state: parked, node: bySilence }, 120],
    ["the back-off when the Reason has no time", { state: parked, node: { reason: byResume.reason } }, 120],
    [
      "the back-off of a Reason that slurmctld appended to",
      { state: parked, node: { ...ours, reason: `${ours.reason} : ResumeTimeout reached` } },
      120,
    ],
  ])("returns a powered-down node after %s", (_title, given, seconds) => {
    expect(rounds(returnToService, given, [seconds - 1, seconds])).toMatchObject([
      [],
      [],
      [expect.stringMatching(/^return /)],
    ]);
  });

  test.each<[string, GivenWorker]>([
    ["that an admin set DOWN", { state: parked, node: { reason: "disk" } }],
    ["that an admin set DOWN while it booted", { state: parked, node: { reason: "disk: ResumeTimeout reached" } }],
    ["that is DOWN with an empty Reason", { state: parked, node: { reason: "" } }],
    ["that does not respond and may do so again", { state: "DOWN+CLOUD+NOT_RESPONDING", node: bySilence }],
    ["that did not respond and powers down", { state: "DOWN+CLOUD+POWERING_DOWN", node: bySilence }],
    [
      "that did not respond, and whose Pod ends",
      { state: parked, node: bySilence, pod: { deleted: NOW }, unwanted: true },
    ],
    ["of which an admin says more", { state: parked, node: { reason: "Not responding, see ticket 7" } }],
    ["that is DOWN without a Reason", { state: parked }],
    ["whose Reason only mentions us", { state: parked, node: { reason: "see power-agent: Evicted: memory" } }],
    ["with as many strikes as the limit", { state: parked, node: { ...ours, reason: reason(5) } }],
    ["that is still wanted", { state: parked, node: ours, wanted: true }],
    ["whose Pod is still there", { state: parked, node: ours, pod: { deleted: NOW }, unwanted: true }],
    [
      "whose Pod ends before it is powered down",
      { state: "DOWN+CLOUD", node: ours, pod: { deleted: NOW }, unwanted: true },
    ],
    ["that powers down", { state: "DOWN+CLOUD+POWERING_DOWN", node: ours }],
    ["with ResumeTimeout that is not powered down", { state: "DOWN+CLOUD", node: byTimeout }],
    ["that is not DOWN but has an old Reason of ours", { state: "IDLE+CLOUD+POWERED_DOWN", node: ours }],
    ["that is up but has an old Reason of ours", { state: "IDLE+CLOUD", node: ours }],
    ["of no group", { state: parked, node: ours, group: null }],
    ["that is no cloud node", { state: "DOWN", node: ours }],
    ...LEFT_ALONE.flatMap((flag): [string, GivenWorker][] => [
      [`with ${flag}`, { state: `DOWN+CLOUD+${flag}`, node: ours }],
      [`that is powered down, with ${flag}`, { state: `${parked}+${flag}`, node: ours }],
    ]),
  ])("leaves alone a node %s", (_title, given) => {
    expect(rounds(returnToService, given, [5, 120, 3600]).flat()).toEqual([]);
  });
});
