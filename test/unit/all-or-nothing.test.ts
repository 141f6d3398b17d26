import { describe, expect, test } from "vitest";
import { withholdIncompleteJobs } from "../../src/programs/all-or-nothing.ts";
import { resolveNames } from "../../src/slurm/node-name.ts";

const resolved = resolveNames(
  ["demo-worker-cpu-0", "demo-worker-cpu-1", "demo-worker-cpu-2", "demo-worker-gpu-0"],
  "demo",
  new Set(["cpu"]),
);

function withhold(...jobs: string[]) {
  const waiting = jobs.map((nodes, position) => ({ jobId: position + 1, nodes }));
  const { byGroup, refused } = withholdIncompleteJobs(resolved, waiting, "demo");
  return { wanted: [...(byGroup.get("cpu") ?? [])], refused: refused.map(({ name, refusal }) => `${name} ${refusal}`) };
}
const missing = "demo-worker-gpu-0 UnknownGroup";

describe("withholdIncompleteJobs", () => {
  test("a job that cannot get all its nodes gets none", () => {
    expect(withhold("demo-worker-cpu-[0-1],demo-worker-gpu-0", "demo-worker-cpu-2")).toEqual({
      wanted: [2],
      refused: [missing, "demo-worker-cpu-0 JobIncomplete", "demo-worker-cpu-1 JobIncomplete"],
    });
  });

  test("a node that a complete job waits for too is woken", () => {
    expect(withhold("demo-worker-cpu-[0-1],demo-worker-gpu-0", "demo-worker-cpu-1")).toEqual({
      wanted: [1, 2],
      refused: [missing, "demo-worker-cpu-0 JobIncomplete"],
    });
  });

  test("nodes that no job names are woken, and a node list that cannot be read withholds nothing", () => {
    expect(withhold()).toEqual({ wanted: [0, 1, 2], refused: [missing] });
    expect(withhold("demo-worker-cpu-[0-1,demo-worker-gpu-0", "")).toEqual({ wanted: [0, 1, 2], refused: [missing] });
  });

  test("the words say which job and which node", () => {
    const { refused } = withholdIncompleteJobs(
      resolved,
      [{ jobId: 17, nodes: "demo-worker-cpu-0,demo-worker-gpu-0" }],
      "demo",
    );
    expect(refused.at(-1)?.message).toBe("is not woken as job 17 waits for demo-worker-gpu-0 too, which cannot be");
  });

  test("a group of which nothing is left is not touched", () => {
    const { byGroup } = withholdIncompleteJobs(
      resolved,
      [{ jobId: 1, nodes: "demo-worker-cpu-[0-2],demo-worker-gpu-0" }],
      "demo",
    );
    expect(byGroup.size).toBe(0);
  });
});
