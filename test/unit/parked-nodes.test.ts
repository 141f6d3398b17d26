import { expect, test } from "vitest";
import { nodesStillParked } from "../../src/programs/parked-nodes.ts";

const names = ["demo-worker-cpu-0", "demo-worker-cpu-1", "demo-worker-cpu-2"];

/** What comes of a suspend so many milliseconds after its start; cpu-0 is parked, cpu-1 powers up, cpu-2 cannot be read. */
async function after(milliseconds: number) {
  const asked: string[] = [];
  const { parked, others } = await nodesStillParked(names, {
    started: 1000,
    system: {
      now: () => 1000 + milliseconds,
      random: () => 0,
      sleep: async () => {},
      print: () => {},
      interactive: false,
      onTerminate: () => {},
    },
    scontrol: async () => async (args) => {
      asked.push(args.join(" "));
      const stdout = `NodeName=${names[0]} State=IDLE+CLOUD+POWERED_DOWN\nNodeName=${names[1]} State=IDLE+CLOUD+POWERING_UP\n`;
      return { ok: true, stdout };
    },
  });
  return { parked, others: others.map(({ name, code }) => `${name} ${code}`), asked: asked.length > 0 };
}

test("a suspend in time asks nothing", async () => {
  expect(await after(6999)).toEqual({ parked: names, others: [], asked: false });
});

test("a late one leaves out what is not parked any more, or cannot be read", async () => {
  expect(await after(7000)).toEqual({
    parked: ["demo-worker-cpu-0"],
    others: ["demo-worker-cpu-1 NotParked", "demo-worker-cpu-2 NotParked"],
    asked: true,
  });
});
