/** readSlurm with a real slurmctld that is down, hung, restarted, hides nodes, or does not save power. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import type { NodeRecord } from "../../src/slurm/node-record.ts";
import { readSlurm, type SlurmReading } from "../../src/slurm/reading.ts";
import { createScontrol } from "../../src/slurm/scontrol.ts";
import { type Slurm, startSlurm } from "../support/slurm.ts";
import type { SlurmOptions } from "../support/slurm-conf.ts";

/** Programs that slurmctld accepts; nothing is woken here that would have to come up. */
const programs = { resume: "/bin/true", suspend: "/bin/true" };

async function start({ onTestFinished }: TestContext, options: Partial<SlurmOptions>): Promise<Slurm> {
  const slurm = await startSlurm({ clusterName: "read", groups: { cpu: 3 }, ...options });
  onTestFinished(() => slurm.stop());
  return slurm;
}

const read = ({ env }: Slurm, expected: ReadonlySet<string> = new Set()): Promise<SlurmReading> =>
  readSlurm(createScontrol({ env, now: () => performance.now(), budget: 30_000 }), expected);

const names = ["read-worker-cpu-0", "read-worker-cpu-1", "read-worker-cpu-2"];

describe.concurrent("readSlurm", () => {
  test("with a controller that is up, down, and up again", async (context) => {
    const slurm = await start(context, { programs });
    const before = await read(slurm);
    expect([...before.nodes.keys()]).toEqual(names);
    expect(before.powerSaving).toBe("configured");
    expect(before.limits).toEqual({ longestResumeTimeout: 120, shortestSuspendTimeout: 5 });
    await slurm.scontrol("update", `NodeName=${names[1]}`, "State=DRAIN", "Reason=for a test");
    await slurm.killController("SIGKILL");
    await expect(read(slurm)).rejects.toMatchObject({ code: "ControllerDown" });
    await slurm.restartController();
    const after = await read(slurm, new Set(names));
    expect([...after.nodes.keys()]).toEqual(names);
    await expect(read(slurm, new Set([...names, "read-worker-cpu-3"]))).rejects.toMatchObject({
      code: "PartialList",
      missing: ["read-worker-cpu-3"],
    });
  });

  test("tells who gave a Reason, and when", async (context) => {
    const slurm = await start(context, { programs });
    const before = Math.floor(Date.now() / 1000);
    await slurm.scontrol("update", `NodeName=${names[1]}`, "State=DRAIN", "Reason=for a test");
    const { nodes } = await read(slurm);
    const { reasonTime, ...record } = nodes.get("read-worker-cpu-1") as NodeRecord;
    expect(record).toEqual({
      name: "read-worker-cpu-1",
      state: new Set(["IDLE", "CLOUD", "DRAIN", "POWERED_DOWN"]),
      partitions: ["main"],
      reason: "for a test",
      reasonUser: "root",
    });
    expect(reasonTime).toBeGreaterThanOrEqual(before);
    expect(reasonTime).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
  });

  test("with a controller that hangs, and goes on", async (context) => {
    const slurm = await start(context, { programs });
    const pid = Number(await readFile(join(slurm.folder, "state", "slurmctld.pid"), "utf8"));
    process.kill(pid, "SIGSTOP");
    try {
      await expect(read(slurm)).rejects.toMatchObject({ code: "ControllerDown" });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    expect((await read(slurm)).nodes.size).toBe(3);
  });

  test("where powered-down nodes are hidden", async (context) => {
    const slurm = await start(context, { programs, showPoweredDownNodes: false });
    await expect(read(slurm)).rejects.toMatchObject({ code: "HiddenNodes" });
  });

  test("where power saving is off", async (context) => {
    await expect(read(await start(context, {}))).rejects.toMatchObject({ code: "PowerSavingOff" });
    const never = await start(context, { programs, suspendTime: -1 });
    await expect(read(never)).rejects.toMatchObject({ code: "PowerSavingOff" });
  });
});
