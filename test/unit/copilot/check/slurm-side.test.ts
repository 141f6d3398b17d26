import { describe, expect, test } from "vitest";
import { rates } from "../../../../src/copilot/check/rates.ts";
import { slurmParameters } from "../../../../src/copilot/check/slurm-parameters.ts";
import { slurmctld } from "../../../../src/copilot/check/slurmctld.ts";
import { stateWords } from "../../../../src/copilot/check/state-words.ts";
import type { ConfigDetail } from "../../../../src/slurm/config-detail.ts";
import { parseConfigDetail } from "../../../../src/slurm/config-detail.ts";
import { outcomeOf, told } from "../../../support/check-facts.ts";
import { fixture, recordedVersions } from "../../../support/slurm-fixture.ts";

describe("slurmctld", () => {
  test.each([
    ["ControllerDown", "SlurmctldDown"],
    ["PowerSavingOff", "PowerSavingOff"],
    ["HiddenNodes", "HiddenNodes"],
    ["PartialList", "SlurmUnreadable"],
    ["Unreadable", "SlurmUnreadable"],
  ] as const)("%s", (code, expected) => {
    expect(told(slurmctld, { facts: { slurmProblem: { code, message: "why" } } })).toEqual([
      `${expected} slurmctld: why`,
    ]);
  });

  test("power saving is off, and nodes are hidden as well", () => {
    const slurmProblem = { code: "PowerSavingOff", message: "why" } as const;
    expect(told(slurmctld, { config: { privateData: new Set() }, facts: { slurmProblem } })).toEqual([
      "PowerSavingOff slurmctld: why",
      "HiddenNodes PrivateData: does not have cloud",
    ]);
  });

  test("one of two does not answer", () => {
    const controllers = [
      { name: "head", role: "primary", up: false },
      { name: "spare", role: "backup", up: true },
    ] as const;
    expect(told(slurmctld, { facts: { controllers } })).toEqual([
      "ControllerDown slurmctld of head: the primary does not answer",
    ]);
  });

  test("none answers: one finding is enough", () => {
    const controllers = [{ name: "head", role: "primary", up: false }] as const;
    expect(told(slurmctld, { facts: { controllers } })).toEqual([]);
  });
});

test("words of a State that are unknown", () => {
  const nodes = {
    "demo-worker-cpu-0": { state: "IDLE+CLOUD+POWERED_DOWN" },
    "demo-worker-cpu-1": { state: "IDLE+CLOUD+HIBERNATED" },
    "demo-worker-cpu-2": { state: "?+CLOUD+HIBERNATED" },
  };
  expect(told(stateWords, { nodes })).toEqual([
    "UnknownStateWord state HIBERNATED: is a state or flag of demo-worker-cpu-[1-2]",
    "UnknownStateWord state ?: is a state or flag of demo-worker-cpu-2",
  ]);
});

describe("rates", () => {
  const interval = new Map([["power_save_interval", "120"]]);
  test.each<[string, Partial<ConfigDetail>, string[]]>([
    ["no limit", {}, []],
    ["one a minute", { resumeRate: 1 }, ["RateLow ResumeRate: is 1 a minute: 100 nodes take 100 minutes"]],
    ["the default", { resumeRate: 300, suspendRate: 60 }, []],
    ["below twenty", { suspendRate: 19 }, ["RateLow SuspendRate: is 19 a minute: 100 nodes take 6 minutes"]],
    [
      "a limit with a long interval",
      { resumeRate: 300, slurmctldParameters: interval },
      ["SaveIntervalTooLong SlurmctldParameters: power_save_interval=120 is above 60 s, and a rate is limited"],
    ],
    ["no limit with a long interval", { slurmctldParameters: interval }, []],
  ])("%s", (_case, config, expected) => {
    expect(told(rates, { config })).toEqual(expected);
  });
});

describe("settings of slurm.conf", () => {
  const parameters = (...words: string[]) => ({ slurmctldParameters: new Map(words.map((word) => [word, ""])) });
  test.each<[string, Partial<ConfigDetail>, string[]]>([
    ["all is well", {}, []],
    ["nodes stay DOWN", { returnToService: 1 }, ["ReturnToServiceLow ReturnToService: is 1"]],
    ["jobs are lost", { jobRequeue: 0 }, ["JobsNotRequeued JobRequeue: is 0"]],
    [
      "addresses are kept",
      { communicationParameters: new Set() },
      [
        "NodeAddressesStale CommunicationParameters: of Slurm 22.05.8 has no NoAddrCache, and SlurmctldParameters neither cloud_dns nor cloud_reg_addrs",
      ],
    ],
    ["addresses by DNS", { communicationParameters: new Set(), ...parameters("cloud_dns") }, []],
    [
      "addresses from 23.11 on",
      {
        communicationParameters: new Set(),
        slurmVersion: "23.11.1",
        reconfigFlags: new Set(["keeppowersavesettings"]),
      },
      [],
    ],
    [
      "DRAIN is wiped",
      parameters("idle_on_node_suspend"),
      ["DrainForgotten SlurmctldParameters: has idle_on_node_suspend"],
    ],
    ["cloud_reg_addrs in 22.05", parameters("cloud_reg_addrs"), []],
    [
      "cloud_reg_addrs in 26.05",
      { ...parameters("cloud_reg_addrs"), slurmVersion: "26.05.5", reconfigFlags: new Set(["keeppowersavesettings"]) },
      ["DefunctParameter SlurmctldParameters: has cloud_reg_addrs, and this is Slurm 26.05.5"],
    ],
    [
      "settings lost at reconfigure",
      { slurmVersion: "24.11.5" },
      ["ReconfigureForgets ReconfigFlags: does not have KeepPowerSaveSettings"],
    ],
    ["no cred_expire", { authInfo: new Map() }, ["RequeueDelay AuthInfo: has no cred_expire, which is 120 s then"]],
    ["NO_CONF_HASH", { debugFlags: new Set(["no_conf_hash"]) }, ["ConfigHashIgnored DebugFlags: has NO_CONF_HASH"]],
    [
      "messages are forwarded",
      { treeWidth: 0 },
      ["MessagesForwarded TreeWidth: is 0, and there is 1 worker; SlurmctldParameters has no cloud_dns"],
    ],
  ])("%s", (_case, config, expected) => {
    expect(told(slurmParameters, { config })).toEqual(expected);
  });
});

test.each([rates, slurmParameters])("what a release does not print is never held against it: $name", (check) => {
  const value = {
    slurmVersion: "99.05.1",
    programs: {},
    privateData: new Set<string>(),
    slurmctldParameters: new Map(),
  };
  expect(outcomeOf(check, { facts: { config: { value } } })).toEqual({ findings: [] });
});

describe.each(recordedVersions)("what Slurm %s really prints, of a slurm.conf with idle_on_node_suspend", (version) => {
  const value = parseConfigDetail(fixture(version, "show-config"));
  test.each([
    [rates, []],
    [slurmParameters, ["DrainForgotten", ...(version === "22.05" ? [] : ["ReconfigureForgets"])]],
  ])("$name", (check, expected) => {
    const { findings, unchecked } = outcomeOf(check, { facts: { config: { value } } });
    expect([findings.map(({ code }) => code), unchecked]).toEqual([expected, undefined]);
  });
});
