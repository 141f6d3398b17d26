import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBefore, parseConfig, parsePartitions, powerSaving, timeLimits } from "../../src/slurm/config.ts";
import { parsePing } from "../../src/slurm/controllers.ts";
import { fixture, type RecordedVersion, recordedVersions, recording } from "../support/slurm-fixture.ts";

const fullVersion: Record<RecordedVersion, RegExp> = {
  "22.05": /^22\.05\./,
  "24.11": /^24\.11\./,
  "26.05": /^26\.05\./,
};

describe.each(recordedVersions)("Slurm %s", (version) => {
  test("show config", () => {
    const { slurmVersion, stateSaveLocation, programs, ...rest } = parseConfig(fixture(version, "show-config"));
    expect(slurmVersion).toMatch(fullVersion[version]);
    expect(stateSaveLocation).toMatch(/^\/tmp\/slurm-\w+\/state$/);
    expect(programs).toEqual({
      resume: expect.stringMatching(/^\/tmp\/programs-\w+\/resume$/),
      suspend: expect.stringMatching(/^\/tmp\/programs-\w+\/suspend$/),
      resumeFail: expect.stringMatching(/^\/tmp\/programs-\w+\/resume-fail$/),
    });
    expect(rest).toEqual({
      suspendTime: 3600,
      suspendTimeout: 300,
      resumeTimeout: 600,
      resumeRate: 0,
      suspendRate: 0,
      messageTimeout: 10,
      slurmdTimeout: 300,
      returnToService: 2,
      // From 23.02 on the word means nothing any more and is dropped.
      privateData: new Set(version === "22.05" ? ["cloud"] : []),
      slurmctldParameters: new Map([
        ["power_save_interval", "1"],
        ["idle_on_node_suspend", ""],
        ["cloud_dns", ""],
      ]),
    });
  });

  test("show partition, hidden ones too", () => {
    const partitions = parsePartitions(fixture(version, "show-partition"));
    expect(partitions.map(({ nodes, ...rest }) => rest)).toEqual([
      { name: "main" },
      { name: "slow-boot" },
      { name: "limits", resumeTimeout: 900, suspendTimeout: 450, suspendTime: 1200 },
      { name: "never-parked", suspendTime: Number.POSITIVE_INFINITY },
    ]);
    expect(partitions[1]?.nodes).toBe("demo-worker-parked-0,demo-worker-up-idle-0");
    expect(timeLimits(parseConfig(fixture(version, "show-config")), partitions)).toEqual({
      longestResumeTimeout: 900,
      shortestSuspendTimeout: 300,
    });
  });

  test.each([
    ["set up", "show-config", "show-partition", "configured"],
    ["SuspendTime is INFINITE", "show-config-infinite", "show-partition-infinite", "off"],
    ["INFINITE, but a partition has a time", "show-config-infinite", "show-partition", "configured"],
    ["no programs", "show-config-without-programs", "show-partition-without-programs", "off"],
    [
      "a program that slurmctld refuses, which cannot be seen",
      "show-config-bad-program",
      "show-partition",
      "configured",
    ],
    ["slurmctld is down", "show-config-down", "show-partition", "unknown"],
  ])("power saving: %s", (_, config, partitions, expected) => {
    expect(powerSaving(parseConfig(fixture(version, config)), parsePartitions(fixture(version, partitions)))).toBe(
      expected,
    );
  });

  test("no programs, but a SuspendTime: from 26.05 on nodes may have a PowerAction", () => {
    const config = parseConfig(
      fixture(version, "show-config").replace(/^SuspendProgram .*$/m, "SuspendProgram = (null)"),
    );
    expect(powerSaving(config, [])).toBe(version === "26.05" ? "unknown" : "off");
  });

  test("ping", () => {
    expect(parsePing(fixture(version, "ping"))).toEqual([{ name: expect.any(String), role: "primary", up: true }]);
    expect(parsePing(fixture(version, "ping-down"))).toEqual([
      { name: expect.any(String), role: "primary", up: false },
    ]);
    expect(recording(version).runs["ping-down"]?.exitCode).toBe(1);
    expect(parsePing(fixture(version, "ping-with-backup"))).toEqual([
      { name: expect.any(String), role: "primary", up: true },
      { name: "spare", role: "backup", up: false },
    ]);
    expect(recording(version).runs["ping-with-backup"]?.exitCode).toBe(0);
  });
});

test("an empty configuration has nothing in it", () => {
  expect(parseConfig("")).toEqual({ programs: {}, privateData: new Set(), slurmctldParameters: new Map() });
  expect(parsePartitions("No partitions in the system\n")).toEqual([]);
  expect(timeLimits(parseConfig(""), [])).toEqual({});
});

test("names of parameters are in lower case, values keep their `=`", () => {
  const { slurmctldParameters } = parseConfig("SlurmctldParameters = Cloud_DNS,a=b=C,\n");
  expect(slurmctldParameters).toEqual(
    new Map([
      ["cloud_dns", ""],
      ["a", "b=C"],
    ]),
  );
});

test("sections of plugins that follow do not change global settings", () => {
  expect(parseConfig("ResumeTimeout = 60 sec\n\nPlugin:\nResumeTimeout = 5 sec\n").resumeTimeout).toBe(60);
});

test.each([
  ["22.05.8", true],
  ["23.02.0", false],
  ["23.11.4", false],
  ["9.9", true],
  ["100.1", false],
  ["none", false],
])("%s is before 23.02: %s", (version, expected) => expect(isBefore(version, 23, 2)).toBe(expected));

test("any text is read without an exception", () => {
  const words = fc.constantFrom(
    "PartitionName=",
    "a",
    "\n",
    " = ",
    "=",
    "SuspendTime",
    "sec",
    " ",
    "GLOBAL",
    "Slurmctld(",
    ")",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (each) => {
      powerSaving(parseConfig(each), parsePartitions(each));
      parsePing(each);
    }),
    { numRuns: 1000 },
  );
});
