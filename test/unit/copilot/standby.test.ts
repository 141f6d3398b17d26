import { expect, test } from "vitest";
import { chooseOne, servesElsewhere } from "../../../src/copilot/standby.ts";
import { parsePing } from "../../../src/slurm/controllers.ts";

const ping = (primary: string, backup: string) =>
  parsePing(`Slurmctld(primary) at head-0 is ${primary}\nSlurmctld(backup) at head-1 is ${backup}\n`);

test.each([
  ["UP", "UP", "head-0", undefined],
  ["UP", "UP", "head-1", "head-0"],
  ["UP", "UP", "head-1.demo.default.svc", "head-0"],
  ["UP", "DOWN", "head-1", "head-0"],
  ["DOWN", "UP", "head-0", "head-1"],
  ["DOWN", "UP", "head-1", undefined],
  // Nobody serves: there is nothing to act on either.
  ["DOWN", "DOWN", "head-1", undefined],
  // Beside no slurmctld of the list: the Lease alone decides.
  ["UP", "UP", "elsewhere", undefined],
])("primary %s, backup %s: on %s slurmctld of %s serves instead", (primary, backup, host, expected) => {
  expect(servesElsewhere(ping(primary, backup), host)).toBe(expected);
});

test("without a Lease, as in a dry run, only where slurmctld serves counts", async () => {
  const { reason, ended } = chooseOne({ hostname: "head-1", signal: new AbortController().signal });
  expect(reason(ping("UP", "UP"))).toBe("slurmctld of head-0 serves, and its copilot acts");
  expect(reason(ping("DOWN", "UP"))).toBeUndefined();
  expect(reason([])).toBeUndefined();
  await ended();
});
