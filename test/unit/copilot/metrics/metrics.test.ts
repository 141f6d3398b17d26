/** The metrics as a scrape shows them. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Action } from "../../../../src/copilot/action.ts";
import { emptyMemory } from "../../../../src/copilot/decide.ts";
import { createMetrics, type Metrics } from "../../../../src/copilot/metrics/metrics.ts";
import type { CopilotView } from "../../../../src/copilot/view.ts";
import { type GivenWorker, makeSnapshot, NOW, SETTINGS } from "../../../support/copilot.ts";

const failure = { code: "Unschedulable", message: "m", since: NOW } as const;
const waking = { name: "a", state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true };
const setDown: Action = {
  kind: "set-down",
  node: "a",
  rule: "failing-pod",
  code: "Unschedulable",
  message: "m",
  strike: 1,
  until: NOW,
};

/** A copilot whose view, watches and clock a test sets. */
function makeCopilot() {
  const unknown: CopilotView = { version: "1.2.3", startedAt: NOW, settingsProblems: [], memory: emptyMemory };
  let view = unknown;
  let now = NOW;
  const metrics: Metrics = createMetrics({
    version: "1.2.3",
    cluster: "demo",
    view: () => view,
    watches: () => ({ pods: NOW, slurmclusters: undefined }),
    usage: () => ({ cpuSeconds: 1.5, residentBytes: 1000 }),
    now: () => now,
  });
  return {
    observe: metrics.observe,
    /** A round so many seconds after {@link NOW}. Without workers it knew nothing. */
    round(second: number, change: Partial<CopilotView> = {}, workers?: readonly GivenWorker[]) {
      now = NOW + second * 1000;
      const { problem: _problem, standby: _standby, ...kept } = view;
      const last = workers && {
        snapshot: makeSnapshot(...workers),
        at: now,
        settings: SETTINGS,
        heldBack: 0,
        resumeTimeout: 600,
      };
      view = { ...kept, roundAt: now, ...(last && { last }), ...change };
      metrics.observe({ kind: "round", view, milliseconds: 250 });
    },
    /** A round in which it stood by. */
    standBy(second: number) {
      now = NOW + second * 1000;
      view = { ...unknown, roundAt: now, standby: "another one acts" };
      metrics.observe({ kind: "round", view, milliseconds: 250 });
    },
    /** Samples by name and labels, without the one that all have, so many seconds after {@link NOW}. */
    async scrape(second: number): Promise<Record<string, number>> {
      now = NOW + second * 1000;
      return samplesOf((await metrics.scrape()).body);
    },
    text: async () => (await metrics.scrape()).body,
  };
}

function samplesOf(text: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = "", labels = "", value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
      expect(labels, line).toContain('slurm_cluster="demo"');
      const own = labels.split(",").filter((label) => !label.startsWith("slurm_cluster="));
      const short = name.replace("slurm_power_agent_", "");
      return [own.length === 0 ? short : `${short}{${own.join(",")}}`, Number(value)];
    }),
  );
}

describe("a copilot whose rounds", () => {
  test("have not begun: its age is its staleness", async () => {
    const { scrape } = makeCopilot();
    const samples = await scrape(3);
    expect(samples).not.toHaveProperty("resume_timeout_seconds");
    expect(samples).toMatchObject({
      ready: 0,
      staleness_seconds: 3,
      standby: 0,
      'watch_staleness_seconds{watch="pods"}': 3,
      'watch_staleness_seconds{watch="slurmclusters"}': 3,
      'build_info{version="1.2.3"}': 1,
      process_start_time_seconds: NOW / 1000,
    });
  });

  test("fail: counts stay, staleness grows, and it is not ready", async () => {
    const { round, scrape } = makeCopilot();
    round(0, {}, [waking]);
    expect(await scrape(1)).toMatchObject({ ready: 1, staleness_seconds: 1 });
    round(10, { problem: "Slurm is unknown" });
    expect(await scrape(40)).toMatchObject({
      ready: 0,
      staleness_seconds: 40,
      'nodes{group="cpu",state="powering_up"}': 1,
      'rounds_total{outcome="complete"}': 1,
      'rounds_total{outcome="unknown"}': 1,
    });
  });

  test("hang: staleness grows all the same", async () => {
    const { round, scrape } = makeCopilot();
    round(0, {}, [waking]);
    expect(await scrape(61)).toMatchObject({ ready: 0, staleness_seconds: 61 });
  });

  test("end in a defect: counted, and stale", async () => {
    const { observe, scrape } = makeCopilot();
    observe({ kind: "defect" });
    expect(await scrape(10)).toMatchObject({ defects_total: 1, staleness_seconds: 10 });
  });

  test("stand by: no counts that another copilot tells too, and nothing is stale", async () => {
    const { round, scrape, standBy } = makeCopilot();
    round(0, {}, [waking]);
    standBy(100);
    const samples = await scrape(101);
    expect(samples).toMatchObject({ ready: 1, standby: 1, staleness_seconds: 1 });
    const counts = Object.keys(samples).filter((key) =>
      /^(nodes|pods|leaked_pods|down_nodes|listed_nodes|resume_timeout)/.test(key),
    );
    expect(counts).toEqual([]);
  });

  test("hold steps back", async () => {
    const { round, scrape } = makeCopilot();
    const last = { snapshot: makeSnapshot(), at: NOW, settings: SETTINGS, heldBack: 12, resumeTimeout: 600 };
    round(0, { last });
    expect(await scrape(1)).toMatchObject({ held_back_actions: 12 });
    round(10, { problem: "Slurm is unknown" });
    expect(await scrape(11)).toMatchObject({ held_back_actions: 0 });
  });
});

describe("counters", () => {
  test("failures begin at zero, and closed nodes and failed steps are none", async () => {
    const { observe, round, scrape } = makeCopilot();
    round(0, {}, [waking]);
    const key = 'failures_total{group="cpu",reason="Unschedulable"}';
    expect(await scrape(0)).toMatchObject({ [key]: 0, 'failures_total{group="cpu",reason="ResumeTimeout"}': 0 });
    observe({ kind: "step", action: setDown, group: "cpu", outcome: "done" });
    observe({ kind: "step", action: setDown, group: "cpu", outcome: "failed" });
    observe({ kind: "step", action: { ...setDown, code: "CapacityBackOff" }, group: "cpu", outcome: "done" });
    observe({ kind: "step", action: { ...setDown, kind: "suspend" }, group: "cpu", outcome: "done" });
    const samples = await scrape(1);
    expect(samples).toMatchObject({
      [key]: 1,
      'actions_total{rule="failing-pod",kind="set-down",outcome="done"}': 2,
      'actions_total{rule="failing-pod",kind="set-down",outcome="failed"}': 1,
    });
    expect(Object.keys(samples).filter((name) => name.includes("CapacityBackOff"))).toEqual([]);
  });

  test("the same look told twice counts once", async () => {
    const { round, scrape } = makeCopilot();
    round(0, {}, [{ name: "a", state: "IDLE+CLOUD+POWERED_DOWN" }]);
    round(1, {}, [waking]);
    round(4, {}, [{ ...waking, state: "ALLOCATED+CLOUD", pod: {} }]);
    round(5, { problem: "Slurm is unknown" });
    const samples = await scrape(6);
    expect(samples).toMatchObject({
      'resume_duration_seconds_count{group="cpu",until="registered"}': 1,
      'resume_duration_seconds_sum{group="cpu",until="registered"}': 3,
    });
  });
});

test("how many series there are does not depend on how many nodes there are", async () => {
  const series = async (count: number): Promise<number> => {
    const { round, scrape } = makeCopilot();
    round(
      0,
      {},
      Array.from({ length: count }, (_, index) => ({ ...waking, name: `n${index}`, pod: { failure } })),
    );
    return Object.keys(await scrape(1)).length;
  };
  expect(await series(500)).toBe(await series(1));
});

/** Rows of the tables of docs/metrics.md: name → "type label, label". */
async function documented(): Promise<Record<string, string>> {
  const text = await readFile(new URL("../../../../docs/metrics.md", import.meta.url), "utf8");
  const rows = text.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*)\|/gm);
  return Object.fromEntries(
    [...rows].map(([, name = "", type, labels = ""]) => [name, `${type} ${labels.replaceAll("`", "").trim()}`.trim()]),
  );
}

test("docs/metrics.md lists every metric with its type and labels", async () => {
  const { observe, round, text } = makeCopilot();
  const down = { name: "b", state: "DOWN+CLOUD", pod: { failure } };
  round(0, {}, [waking, down]);
  observe({ kind: "step", action: setDown, group: "cpu", outcome: "done" });
  observe({ kind: "api-call", verb: "PATCH", outcome: "ok", milliseconds: 1 });
  observe({ kind: "scontrol-call", command: "ping", outcome: "ok", milliseconds: 1 });
  const body = await text();
  const types = [...body.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  const served = types.map(([, name = "", type]) => {
    const sample = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, "m").exec(body);
    expect(sample, `${name} has a sample`).not.toBeNull();
    const labels = [...(sample?.[1] ?? "").matchAll(/(\w+)="/g)].flatMap(([, label = ""]) =>
      label === "slurm_cluster" ? [] : label,
    );
    return [name, `${type} ${labels.join(", ")}`.trim()];
  });
  expect(await documented()).toEqual(Object.fromEntries(served));
});
