import { expect, test } from "vitest";
import { ownerToBecome } from "../../../src/copilot/command/privileges.ts";

const file = (path: string, uid: number) => ({ path, uid, gid: uid });

test.each([
  ["nobody's files", [], undefined],
  ["root's files", [file("/etc/slurm/power-agent.yaml", 0), file("/etc/slurm", 0)], undefined],
  ["SlurmUser's file in root's folder", [file("/etc/slurm/power-agent.yaml", 64030), file("/etc/slurm", 0)], 64030],
  ["root's file in SlurmUser's folder", [file("/etc/slurm/power-agent.yaml", 0), file("/etc/slurm", 64030)], 64030],
  ["all SlurmUser's", [file("/a", 64030), file("/b", 64030)], 64030],
])("%s", (_case, owners, expected) => {
  expect(ownerToBecome(owners)?.uid).toBe(expected);
});

test("files of several users are refused, by name", () => {
  expect(() => ownerToBecome([file("/etc/slurm", 0), file("/a", 1000), file("/b", 64030)])).toThrow(
    /^\/a and \/b belong to different users/,
  );
});
