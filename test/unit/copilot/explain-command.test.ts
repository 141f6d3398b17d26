import { expect, test, vi } from "vitest";
import { explainNodes } from "../../../src/copilot/command/explain.ts";

test("more nodes than anybody reads of are refused before anything is asked", async () => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    expect(await explainNodes("demo-worker-cpu-[0-9999]", {}, {})).toBe(2);
    expect(said.mock.calls.map(([text]) => text)).toEqual([
      "slurmctld-copilot explain: 10000 nodes are too many, 50 at once are the most; status shows them all\n",
    ]);
  } finally {
    said.mockRestore();
  }
});
