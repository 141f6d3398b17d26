import { describe, expect, test } from "vitest";
import { creationRefusal, isPermitted, refusal } from "../../../../src/copilot/check/access.ts";
import type { FileStatus, User } from "../../../../src/copilot/check/facts.ts";
import { path, SLURM } from "../../../support/check-facts.ts";

const ROOT: User = { name: "root", uid: 0, gids: new Set([0]) };
const file = (mode: number, uid = 0, gid = 0): FileStatus => ({ kind: "file", mode, uid, gid });

describe("mode bits", () => {
  test.each([
    ["its owner", file(0o600, SLURM.uid), SLURM, "read", true],
    ["its owner, whose bits count though the group's would do", file(0o060, SLURM.uid, 64030), SLURM, "read", false],
    ["one of its group", file(0o640, 0, 64030), SLURM, "read", true],
    ["one of its group, whose bits count though the others' would do", file(0o604, 0, 64030), SLURM, "read", false],
    ["anybody", file(0o604), SLURM, "read", true],
    ["anybody, to write", file(0o644), SLURM, "write", false],
    ["root, whatever the bits", file(0o000, SLURM.uid), ROOT, "write", true],
    ["root, to execute what nobody may", file(0o644), ROOT, "execute", false],
    ["root, to execute what somebody may", file(0o654), ROOT, "execute", true],
  ] as const)("%s", (_who, status, user, wish, may) => {
    expect(isPermitted(status, user, wish)).toBe(may);
  });
});

const closed = { path: "/etc/slurm", status: { kind: "folder", mode: 0o700, uid: 0, gid: 0 } } as const;

test("a folder on the way keeps out, whatever the file's mode", () => {
  const fact = { ...path("/etc/slurm/x", { mode: 0o777 }), folders: [closed] };
  expect(refusal(fact, SLURM, "read")).toBe(
    "cannot be reached: the folder /etc/slurm has mode 0700, owner root, group root, which keeps slurm out",
  );
  expect(refusal(fact, ROOT, "read")).toBeUndefined();
});

test("what is not there", () => {
  expect(refusal(path("/x", null), SLURM, "read")).toBe("does not exist");
  expect(refusal({ path: "/a/x", folders: [{ path: "/a" }] }, SLURM, "read")).toBe(
    "cannot be there: the folder /a does not exist",
  );
});

test("a new file needs a folder that may be written", () => {
  expect(creationRefusal(path("/x", null), SLURM)).toBe(
    "does not exist, and slurm may not make files in / (mode 0755, owner root, group root)",
  );
  expect(creationRefusal(path("/x", null), ROOT)).toBeUndefined();
});
