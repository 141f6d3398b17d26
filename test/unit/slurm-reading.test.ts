import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSlurm, SlurmReadError } from "../../src/slurm/reading.ts";
import type { Scontrol } from "../../src/slurm/scontrol.ts";
import { fixture, type RecordedVersion, recordedVersions, recording } from "../support/slurm-fixture.ts";

/** Answers with what a real scontrol of that release printed; `answers` names another recording for a question, or is the text. */
function replay(version: RecordedVersion, answers: Readonly<Record<string, string | { readonly text: string }>> = {}) {
  const calls: string[] = [];
  let running = 0;
  const scontrol: Scontrol = async (args) => {
    const question = args.join(" ").replace("--all --future --oneliner ", "");
    calls.push(question);
    running += 1;
    expect(running).toBe(1);
    await Promise.resolve();
    running -= 1;
    const answer = answers[question] ?? question.replace(" ", "-");
    if (typeof answer !== "string") return { ok: true, stdout: answer.text };
    const { exitCode, stderr } = recording(version).runs[answer] ?? { exitCode: 0, stderr: "" };
    const stdout = fixture(version, answer);
    return exitCode === 0 ? { ok: true, stdout } : { ok: false, stdout, message: stderr.trim(), answered: false };
  };
  return { scontrol, calls };
}

async function codeOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof SlurmReadError) return error.code;
    throw error;
  }
  return "complete";
}

const none = new Set<string>();

describe.each(recordedVersions)("Slurm %s", (version) => {
  const withoutFirstNode = { text: fixture(version, "show-node").split("\n").slice(1).join("\n") };
  const halfOfThem = { text: fixture(version, "show-node").slice(0, 5000) };

  test("a complete reading, one call at a time", async () => {
    const { scontrol, calls } = replay(version);
    const reading = await readSlurm(scontrol, new Set(["demo-worker-parked-0"]));
    expect(reading.nodes.size).toBe(17);
    expect(reading.powerSaving).toBe("configured");
    expect(reading.limits).toEqual({ longestResumeTimeout: 900, shortestSuspendTimeout: 300 });
    expect(reading.controllers).toMatchObject([{ role: "primary", up: true }]);
    expect(reading.config.slurmVersion?.startsWith(version)).toBe(true);
    expect(calls).toEqual(["ping", "show config", "show partition", "show node"]);
  });

  test("slurmctld down: one call tells", async () => {
    const { scontrol, calls } = replay(version, { ping: "ping-down" });
    expect(await codeOf(readSlurm(scontrol, none))).toBe("ControllerDown");
    expect(calls).toEqual(["ping"]);
  });

  test.each([
    ["slurmctld goes down after the first answer", { "show config": "show-config-down" }, "ControllerDown"],
    ["slurmctld goes down before the last answer", { "show node": "show-node-down" }, "ControllerDown"],
    ["nothing, with exit code 0", { "show node": { text: "" } }, "Unreadable"],
    ["no nodes", { "show node": { text: "No nodes in the system\n" } }, "PartialList"],
    ["a node is missing", { "show node": withoutFirstNode }, "PartialList"],
    ["half a list", { "show node": halfOfThem }, "Unreadable"],
    ["half a configuration", { "show config": { text: "Configuration data as of now\n" } }, "Unreadable"],
    ["no answer to ping", { ping: { text: "" } }, "Unreadable"],
    ["an ill hostlist", { "show partition": { text: "PartitionName=x Nodes=a[1\n" } }, "Unreadable"],
    ["a second State", { "show node": { text: "NodeName=a State=IDLE State=DOWN\n" } }, "Unreadable"],
    [
      "no programs",
      { "show config": "show-config-without-programs", "show partition": "show-partition-without-programs" },
      "PowerSavingOff",
    ],
    [
      "no SuspendTime",
      { "show config": "show-config-infinite", "show partition": "show-partition-infinite" },
      "PowerSavingOff",
    ],
  ])("%s: %j", async (_, answers, code) => {
    expect(await codeOf(readSlurm(replay(version, answers).scontrol, none))).toBe(code);
  });

  test("a list that is shorter than the last one names what is missing, whatever the partitions say", async () => {
    const answers = { "show partition": { text: "No partitions in the system\n" } };
    const reading = readSlurm(replay(version, answers).scontrol, new Set(["demo-worker-parked-0", "gone-1", "gone-2"]));
    await expect(reading).rejects.toMatchObject({ code: "PartialList", missing: ["gone-1", "gone-2"] });
    await expect(reading).rejects.toThrow("scontrol shows 17 nodes, but not gone-[1-2]");
  });

  test("an answer that breaks off anywhere is not complete", async () => {
    for (const question of ["show config", "show node"]) {
      const whole = fixture(version, question.replace(" ", "-"));
      const cut = (end: number) =>
        readSlurm(replay(version, { [question]: { text: whole.slice(0, end) } }).scontrol, none);
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length - 1), async (end) => {
          expect(await codeOf(cut(end))).not.toBe("complete");
        }),
      );
      for (const { index } of whole.slice(0, -1).matchAll(/\n/g)) {
        expect(await codeOf(cut(index + 1))).not.toBe("complete");
      }
    }
  });

  test("without PrivateData=cloud 22.05 is never complete, others are", async () => {
    const answers = Object.fromEntries(
      ["config", "partition", "node"].map((what) => [`show ${what}`, `show-${what}-without-private-data`]),
    );
    const expected = version === "22.05" ? "HiddenNodes" : "complete";
    expect(await codeOf(readSlurm(replay(version, answers).scontrol, none))).toBe(expected);
  });
});
