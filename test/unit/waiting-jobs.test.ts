import { describe, expect, test } from "vitest";
import { waitingMessage } from "../../src/programs/messages.ts";
import { findWaitingJobs, readTail } from "../../src/programs/waiting-jobs.ts";
import { textLine } from "../../src/settings/log.ts";

const text = (run: string, jobId: number, nodes: string) =>
  textLine(0, 30, run, waitingMessage({ jobId, nodes, partition: "main" }));
const json = (run: string, jobId: number, nodes: string) =>
  `${JSON.stringify({ level: 30, program: "slurm-resume", run, msg: waitingMessage({ jobId, nodes }) })}\n`;

describe.each([
  ["text", text],
  ["json", json],
])("findWaitingJobs in a %s log", (_format, line) => {
  test("finds the jobs of the last run that woke the node", () => {
    const log = `${line("aaaaaa", 1, "n[0-3]")}${line("bbbbbb", 7, "n[0-1]")}${line("bbbbbb", 8, "n1")}other line\n`;
    expect(findWaitingJobs(log, new Set(["n0", "n1", "n2", "n9"]))).toEqual(
      new Map([
        ["n0", [7]],
        ["n1", [7, 8]],
        ["n2", [1]],
      ]),
    );
  });

  test("a line cut off at the beginning or in the middle costs no other", () => {
    const log = `${line("aaaaaa", 5, "n[0-3]").slice(30)}${line("bbbbbb", 6, "n[0-")}${line("cccccc", 7, "n1")}`;
    expect(findWaitingJobs(log, new Set(["n1"]))).toEqual(new Map([["n1", [7]]]));
  });
});

test("a log that is not there is empty", () => expect(readTail("/no/such/slurm-resume.log")).toBe(""));
