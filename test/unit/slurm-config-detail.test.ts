import { expect, test } from "vitest";
import { parseConfigDetail } from "../../src/slurm/config-detail.ts";
import { parseNodeHardware } from "../../src/slurm/node-hardware.ts";
import { parseNodes } from "../../src/slurm/node-record.ts";
import { unknownStateWords } from "../../src/slurm/state-words.ts";
import { fixture, recordedVersions } from "../support/slurm-fixture.ts";

test.each(recordedVersions)("Slurm %s: show config", (version) => {
  const detail = parseConfigDetail(fixture(version, "show-config"));
  expect(detail).toMatchObject({
    slurmUser: { name: "slurm", uid: 64030 },
    confFile: expect.stringMatching(/^\/tmp\/slurm-\w+\/slurm\.conf$/),
    jobRequeue: 1,
    treeWidth: 65_533,
    suspendExcNodes: "",
    suspendExcParts: new Set(),
    communicationParameters: new Set(["noaddrcache"]),
    debugFlags: new Set(["power"]),
    reconfigFlags: new Set(),
    slurmdParameters: new Set(),
    resumeTimeout: 600,
  });
  expect(detail.authInfo?.get("cred_expire")).toBe("5");
  const [, written] = /as of (\S+)/.exec(fixture(version, "show-config")) ?? [];
  expect(new Date((detail.answeredAt ?? 0) * 1000).toISOString()).toBe(`${written}.000Z`);
});

test("what is not printed is absent, and (null) is an empty list", () => {
  const detail = parseConfigDetail("SLURM_VERSION = 22.05.8\nDebugFlags = (null)\n");
  expect(detail.debugFlags).toEqual(new Set());
  for (const key of ["reconfigFlags", "suspendExcNodes", "treeWidth", "authInfo", "slurmUser"]) {
    expect(detail).not.toHaveProperty(key);
  }
});

test.each(recordedVersions)("Slurm %s: show node", (version) => {
  const text = fixture(version, "show-node");
  const hardware = parseNodeHardware(text);
  const { nodes } = parseNodes(text);
  expect([...hardware.keys()].sort()).toEqual([...nodes.keys()].sort());
  for (const node of hardware.values()) expect(node).toEqual({ cpus: 1, memory: 1, gres: new Map() });
  expect([...nodes.values()].flatMap(({ state }) => unknownStateWords(state))).toEqual([]);
});

const record = (fields: string, reason = "") =>
  `NodeName=a CPUTot=8 ${fields} OS=Linux RealMemory=1 6.1 RealMemory=64000 State=IDLE Partitions=main ${reason}\n`;

test.each([
  ["Gres=gpu:2", { gpu: 2 }],
  ["Gres=gpu:a100:2(S:0-1),gpu:h100:1(S:0),shard:16K", { gpu: 3, shard: 16_384 }],
  ["Gres=gpu", { gpu: 1 }],
  ["Gres=gpu:no_consume:4", { gpu: 4 }],
  ["Gres=(null)", {}],
])("%s", (fields, gres) => {
  expect(parseNodeHardware(record(fields)).get("a")?.gres).toEqual(new Map(Object.entries(gres)));
});

test("text of a Reason is no field", () => {
  const node = parseNodeHardware(record("Gres=(null)", " Reason=CPUTot=1 RealMemory=5 [root@2026-11-23T20:00:00]")).get(
    "a",
  );
  expect(node?.cpus).toBe(8);
});

test("words of a State that no release of 22.05 to 26.05 prints", () => {
  expect(unknownStateWords(new Set(["IDLE", "CLOUD", "HIBERNATED", "?"]))).toEqual(["HIBERNATED", "?"]);
});
