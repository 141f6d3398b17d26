import { expect, test } from "vitest";
import { nodesStillParked } from "../../src/programs/parked-nodes.ts";
import type { Scontrol } from "../../src/slurm/scontrol.ts";

const names = ["demo-worker-cpu-0", "demo-worker-cpu-1", "demo-worker-cpu-2"];

const slurm: Scontrol = async () => {
  const stdout = `NodeName=${names[0]} State=IDLE+CLOUD+POWERED_DOWN\nNodeName=${names[1]} State=IDLE+CLOUD+POWERING_UP\n`;
  return { ok: true, stdout };
};

/** What comes of a suspend so many milliseconds after its start; cpu-0 is parked, cpu-1 powers up, cpu-2 is not shown. */
async function after(
  milliseconds: number,
  { answer = slurm, dryRun = false, interactive = false } = {},
): Promise<{ parked: string[]; others: string[]; messages: string[]; asked: boolean }> {
  let asked = false;
  const { parked, others } = await nodesStillParked(names, {
    invocation: { hostlist: names.join(), flags: { dryRun }, env: {} },
    started: 1000,
    system: {
      now: () => 1000 + milliseconds,
      random: () => 0,
      sleep: async () => {},
      print: () => {},
      interactive,
      onTerminate: () => {},
    },
    scontrol: async () => (args) => {
      asked = true;
      return answer(args);
    },
  });
  const messages = others.map(({ message }) => message);
  return { parked, others: others.map(({ name, code }) => `${name} ${code}`), messages, asked };
}

test("a suspend in time asks nothing", async () => {
  expect(await after(6999)).toMatchObject({ parked: names, others: [], asked: false });
});

test("a late one leaves out what is not parked any more, or cannot be read", async () => {
  expect(await after(7000)).toEqual({
    parked: ["demo-worker-cpu-0"],
    others: ["demo-worker-cpu-1 NotParked", "demo-worker-cpu-2 NotParked"],
    messages: [
      "the suspend is late and it is IDLE+CLOUD+POWERING_UP in Slurm by now, so its Pod is left alone",
      "the suspend is late and its state in Slurm cannot be read (Slurm does not show it), so its Pod is left alone",
    ],
    asked: true,
  });
});

test("one by hand leaves it out from the beginning, and says what to do instead", async () => {
  expect(await after(0, { interactive: true })).toEqual({
    parked: ["demo-worker-cpu-0"],
    others: ["demo-worker-cpu-1 NotParked", "demo-worker-cpu-2 NotParked"],
    messages: [
      "run by hand, and it is IDLE+CLOUD+POWERING_UP in Slurm, so its Pod is left alone; to park it once its jobs have ended: " +
        "scontrol update NodeName=demo-worker-cpu-1 State=POWER_DOWN",
      "run by hand, and its state in Slurm cannot be read (Slurm does not show it), so its Pod is left alone; " +
        "run this where scontrol tells of it",
    ],
    asked: true,
  });
});

test("where scontrol does not answer one by hand ends nothing", async () => {
  const answer: Scontrol = async () => ({ ok: false, stdout: "", message: "scontrol not found", answered: false });
  const { parked, messages } = await after(0, { interactive: true, answer });
  expect(parked).toEqual([]);
  expect(new Set(messages)).toEqual(
    new Set([
      "run by hand, and its state in Slurm cannot be read (scontrol not found), so its Pod is left alone; " +
        "run this where scontrol tells of it",
    ]),
  );
});

test("nodes in the same state are told together", async () => {
  const stdout = names.map((name) => `NodeName=${name} State=ALLOCATED+CLOUD\n`).join("");
  const { messages } = await after(0, { interactive: true, answer: async () => ({ ok: true, stdout }) });
  expect(messages).toHaveLength(3);
  expect(new Set(messages).size).toBe(1);
  expect(messages[0]).toContain("scontrol update NodeName=demo-worker-cpu-[0-2] State=POWER_DOWN");
});

test("a dry run by hand shows what slurmctld's call would do, also where there is no Slurm", async () => {
  expect(await after(0, { interactive: true, dryRun: true })).toMatchObject({ parked: names, asked: false });
});
