import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type NodeRecord, parseNodes } from "../../src/slurm/node-record.ts";
import { fixture, recordedVersions, recording } from "../support/slurm-fixture.ts";

/** What scripts/slurm-fixtures/scenario.ts brought about; the same in all releases. */
const EXPECTED: readonly {
  readonly node: string;
  readonly state: string;
  /** Whether a slurmd has registered: then there are times. */
  readonly booted: boolean;
  readonly reason?: string;
  readonly comment?: string;
  readonly partitions?: readonly string[];
}[] = [
  { node: "worker-parked", state: "IDLE+CLOUD+POWERED_DOWN", booted: false, partitions: ["main", "slow-boot"] },
  { node: "worker-powering-up-allocated", state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP", booted: false },
  { node: "worker-powering-up-idle", state: "IDLE+CLOUD+NOT_RESPONDING+POWERING_UP", booted: false },
  { node: "worker-up-idle", state: "IDLE+CLOUD", booted: true, partitions: ["main", "slow-boot"] },
  { node: "worker-up-allocated", state: "ALLOCATED+CLOUD", booted: true },
  { node: "worker-powering-down", state: "IDLE+CLOUD+POWERING_DOWN", booted: true },
  { node: "worker-power-down-pending", state: "ALLOCATED+CLOUD+POWER_DOWN", booted: true },
  {
    node: "worker-down-parked",
    state: "DOWN+CLOUD+POWERED_DOWN",
    booted: false,
    reason: "power-agent: Unschedulable: 0/3 nodes are available",
  },
  {
    node: "worker-down-up",
    state: "DOWN+CLOUD",
    booted: true,
    reason: "power-agent: Evicted: node was low on resource: memory",
  },
  { node: "worker-drained", state: "IDLE+CLOUD+DRAIN", booted: true, reason: "disk is being replaced" },
  {
    node: "worker-drained-parked",
    state: "IDLE+CLOUD+DRAIN+POWERED_DOWN",
    booted: false,
    reason: "first line\nsecond line",
  },
  { node: "worker-maintenance", state: "IDLE+CLOUD+MAINTENANCE+RESERVED", booted: true },
  {
    node: "worker-reboot-requested",
    state: "ALLOCATED+CLOUD+REBOOT_REQUESTED",
    booted: true,
    reason: "kernel update",
  },
  { node: "worker-not-responding", state: "IDLE+CLOUD+NOT_RESPONDING", booted: true },
  {
    node: "worker-free-text",
    state: "IDLE+CLOUD+DRAIN",
    booted: true,
    reason: "was State=POWERING_UP [root@2026-01-01T00:00:00] NodeName=x",
    comment: "a=b State=DOWN Reason=none",
  },
  {
    node: "static",
    state: "UNKNOWN+NOT_RESPONDING",
    booted: false,
    partitions: ["main", "limits", "never-parked"],
  },
  { node: "future", state: "FUTURE", booted: false },
];

describe.each(recordedVersions)("Slurm %s", (version) => {
  const { nodes, problems } = parseNodes(fixture(version, "show-node"));
  const { startedAt, endedAt } = recording(version);

  test("shows these nodes and no others, all of them readable", () => {
    expect(problems).toEqual([]);
    expect([...nodes.keys()].sort()).toEqual(EXPECTED.map(({ node }) => `demo-${node}-0`).sort());
  });

  test.each(EXPECTED)("$node: $state", ({ node, state, booted, reason, comment, partitions = ["main"] }) => {
    const { bootTime, slurmdStartTime, lastBusyTime, reasonTime, ...rest } = nodes.get(`demo-${node}-0`) as NodeRecord;
    expect(rest).toEqual({
      name: `demo-${node}-0`,
      state: new Set(state.split("+")),
      partitions,
      ...(reason !== undefined && { reason, reasonUser: "root" }),
      ...(comment !== undefined && { comment }),
    });
    // Only true if the hours are those of the recording: a time zone taken wrongly would show.
    const times = [...(booted ? [bootTime, slurmdStartTime, lastBusyTime] : []), ...(reason ? [reasonTime] : [])];
    for (const time of times) {
      expect(time).toBeGreaterThanOrEqual(startedAt);
      expect(time).toBeLessThanOrEqual(endedAt);
    }
    if (!booted) expect([bootTime, slurmdStartTime, lastBusyTime]).toEqual([undefined, undefined, undefined]);
  });

  test("says nothing of nodes when slurmctld is down", () => {
    expect(parseNodes(fixture(version, "show-node-down"))).toEqual({ nodes: new Map(), problems: [] });
  });
});

const line = (state: string, more = "") =>
  `NodeName=a Arch=x86_64 OS=Linux  RealMemory=1 State=${state} Weight=1 ${more}\n`;
const only = (text: string) => parseNodes(text).nodes.get("a");

describe("one record", () => {
  test.each([
    ["Reason=from slurm.conf", { reason: "from slurm.conf" }],
    [
      "Reason=x [joe@example.com@2026-11-23T19:30:13]",
      { reason: "x", reasonUser: "joe@example.com", reasonTime: 1795462213 },
    ],
    ["Reason=x [slurm@Unknown]", { reason: "x", reasonUser: "slurm" }],
    [
      "Reason=[a@b] c [slurm@2026-11-23T19:30:13] ReservationName=r",
      { reason: "[a@b] c", reasonUser: "slurm", reasonTime: 1795462213 },
    ],
    ["Comment=only a Reason=comment Extra=x", { comment: "only a Reason=comment" }],
    ["BootTime=None SlurmdStartTime=(null) LastBusyTime=Unknown", {}],
    ["BootTime=2026-13-45T99:00:00 LastBusyTime=yesterday", {}],
    ["BootTime=2026-11-23T19:30:13", { bootTime: 1795462213 }],
  ])("%s", (more, expected) => {
    const { name, state, partitions, ...rest } = only(line("IDLE", more)) as NodeRecord;
    expect(rest).toEqual(expected);
  });

  test("keeps flags it has never heard of, and unknown ones as Slurm prints them", () => {
    expect(only(line("IDLE+CLOUD+FROZEN+?"))?.state).toEqual(new Set(["IDLE", "CLOUD", "FROZEN", "?"]));
  });

  test("is left out when its State is missing, odd, or there twice", () => {
    for (const state of ["", "(null)", "idle", "IDLE+", "+CLOUD", "IDLE State=DOWN", "IDLE State=IDLE"]) {
      const { nodes, problems } = parseNodes(line(state));
      expect([state, nodes.size, problems.length]).toEqual([state, 0, 1]);
    }
  });

  test("an OS cannot pass for a State", () => {
    const text =
      "NodeName=a OS=x State=IDLE+CLOUD+POWERED_DOWN Reason=y  RealMemory=1 State=ALLOCATED+CLOUD Weight=1\n";
    expect(only(text)?.state).toEqual(new Set(["ALLOCATED", "CLOUD"]));
  });

  test("a line break in a Comment cannot bring in a second record of a node", () => {
    const text = `${line("ALLOCATED+CLOUD")}NodeName=b State=IDLE Comment=x\n${line("IDLE+POWERED_DOWN")}`;
    expect(parseNodes(text).problems).toEqual(["a: is there twice"]);
    expect([...parseNodes(text).nodes.keys()]).toEqual(["b"]);
  });
});

const pieces = fc.constantFrom(
  ...["NodeName=", "a", "State=", "IDLE", "+", "Reason=", " [root@2026-01-01T00:00:00]", "Comment=", "OS=", "Extra="],
  ...["RealMemory=1", " ", "        ", "\n", "=", "(null)", "BootTime=", "None", "9999-99-99T99:99:99", "é", "\0"],
);

describe("properties", () => {
  test("any text is read without an exception", () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (each) => void parseNodes(each)),
      { numRuns: 2000 },
    );
  });

  test("neither the order of fields nor unknown ones matter", () => {
    const fields = ["State=IDLE+CLOUD", "Partitions=main,gpu", "BootTime=2026-11-23T19:30:13", "Weight=1"];
    const unknown = fc.stringMatching(/^X[a-z]{0,8}=[a-z=0-9]{0,8}$/);
    const shuffled = fc
      .array(unknown, { maxLength: 5 })
      .chain((more) => fc.shuffledSubarray([...fields, ...more], { minLength: fields.length + more.length }));
    fc.assert(
      fc.property(shuffled, (words) => {
        expect(parseNodes(`NodeName=a ${words.join(" ")} Reason=r\n`)).toEqual(
          parseNodes(`NodeName=a ${fields.join(" ")} Reason=r\n`),
        );
      }),
    );
  });
});
