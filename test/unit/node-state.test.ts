import { describe, expect, test } from "vitest";
import { isPlainNodeName } from "../../src/slurm/node-name.ts";
import { readNodeStates, updateArguments, updateNodes } from "../../src/slurm/node-state.ts";
import type { Scontrol } from "../../src/slurm/scontrol.ts";

test.each(["-a", "a b", "a;b", "a,b", "a[0-1]", "", "$(x)", "a\n"])("%j never reaches a command line", (name) =>
  expect(isPlainNodeName(name)).toBe(false),
);

/** A scontrol that knows some nodes and, as slurmctld does, stops at the first name it does not know. */
function scontrolKnowing(known: ReadonlySet<string>): { scontrol: Scontrol; calls: string[][]; done: Set<string> } {
  const calls: string[][] = [];
  const done = new Set<string>();
  const scontrol: Scontrol = async (args) => {
    calls.push([...args]);
    const names = (args.find((arg) => arg.startsWith("NodeName="))?.slice("NodeName=".length) ?? "").split(",");
    for (const name of names) {
      if (!known.has(name))
        return { ok: false, stdout: "", message: "slurm_update error: Invalid node name specified", answered: true };
      done.add(name);
    }
    return { ok: true, stdout: "" };
  };
  return { scontrol, calls, done };
}

describe("updateNodes", () => {
  test("one unknown name costs no other", async () => {
    const { scontrol, done } = scontrolKnowing(new Set(["a", "c"]));
    const { updated, failed } = await updateNodes(scontrol, ["a", "b", "c"], "DOWN", "power-agent: x");
    expect(updated).toEqual(["a", "c"]);
    expect(failed).toEqual([{ name: "b", message: "slurm_update error: Invalid node name specified" }]);
    expect(done).toEqual(new Set(["a", "c"]));
  });

  test("no answer is not asked for again node by node", async () => {
    let calls = 0;
    const scontrol: Scontrol = async () => {
      calls += 1;
      return { ok: false, stdout: "", message: "did not answer", answered: false };
    };
    const names = Array.from({ length: 250 }, (_, index) => `n${index}`);
    expect((await updateNodes(scontrol, names, "DOWN", "r")).failed).toHaveLength(250);
    expect((await readNodeStates(scontrol, names)).message).toBe("did not answer");
    expect(calls).toBe(2);
  });

  test("goes in batches of 100", async () => {
    const names = Array.from({ length: 250 }, (_, index) => `n${index * 2}x`);
    const { scontrol, calls } = scontrolKnowing(new Set(names));
    expect((await updateNodes(scontrol, names, "DOWN", "r")).updated).toHaveLength(250);
    expect(calls).toHaveLength(3);
  });

  test("names that are none are failed without a call", async () => {
    const { scontrol, calls } = scontrolKnowing(new Set());
    expect((await updateNodes(scontrol, ["-x", "a b"], "DOWN", "r")).failed).toHaveLength(2);
    expect((await readNodeStates(scontrol, ["-x"])).states.size).toBe(0);
    expect(calls).toEqual([]);
  });
});

describe("readNodeStates", () => {
  const name = (index: number): string => `demo-worker-cpu-${index}`;
  const line = (index: number): string => `NodeName=${name(index)} State=IDLE+CLOUD Reason=r${index} [root@Unknown]\n`;
  const lines = (length: number): string => Array.from({ length }, (_, index) => line(index)).join("");

  test.each([
    [1, "demo-worker-cpu-0"],
    [100, "demo-worker-cpu-[0-99]"],
    [101, undefined],
    [8000, undefined],
  ])("%i nodes are one question, as scontrol fetches all of them each time", async (many, named) => {
    const calls: string[][] = [];
    const { states, reasons, answered } = await readNodeStates(
      async (args) => {
        calls.push([...args]);
        // Of a question without names the answer is all that there is.
        return { ok: true, stdout: lines(named === undefined ? 10_000 : many) };
      },
      Array.from({ length: many }, (_, index) => name(index)),
    );
    expect(calls).toEqual([["--all", "--future", "-o", "show", "node", ...(named === undefined ? [] : [named])]]);
    expect([states.size, reasons.size, answered]).toEqual([many, many, true]);
    expect([states.has(name(many - 1)), states.has(name(many))]).toEqual([true, false]);
    expect(reasons.get(name(0))).toBe("r0");
  });

  test("nodes that a refusal is about are absent, and the others are there", async () => {
    const refusal = { ok: false, stdout: line(0), message: "Node x not found (exit code 1)", answered: true } as const;
    const { states, message, answered } = await readNodeStates(async () => refusal, [name(0), "x"]);
    expect([[...states.keys()], message, answered]).toEqual([[name(0)], refusal.message, true]);
  });

  test("without an answer nothing is known, as its last line may be half a state", async () => {
    const stdout = `${line(0)}NodeName=${name(1)} State=IDLE+CLOUD+POWERED_DOWN`;
    const killed = { ok: false, stdout, message: "did not answer", answered: false } as const;
    const { states, answered } = await readNodeStates(async () => killed, [name(0), name(1)]);
    expect([states.size, answered]).toEqual([0, false]);
  });
});

test("a Reason stays on one line, without quotes, and short", () => {
  const [, , , reason] = updateArguments(["a"], "DOWN", `power-agent: "no"\nway${"x".repeat(400)}`);
  expect(reason).toMatch(/^Reason=power-agent: no way?x/);
  expect(reason).not.toMatch(/["\n]/);
  expect(reason?.length).toBeLessThanOrEqual(257);
});
