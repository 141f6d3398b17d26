/**
 * The metrics of a copilot at work, as a real Prometheus has them: one system, to which one thing after another happens. The tests go on from
 * each other, in this order.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { applyCopilotRole } from "../support/agent-role.ts";
import { type CopilotProcess, startCopilot } from "../support/copilot-process.ts";
import { choicesOf, queriesOf, readDashboard } from "../support/dashboard.ts";
import { claimFreePorts } from "../support/free-ports.ts";
import { type Prometheus, promtool, startPrometheus } from "../support/prometheus.ts";
import { markUnschedulable } from "../support/unschedulable.ts";
import { waitFor } from "../support/wait-for.ts";
import { startWholeSystem, type WholeSystem } from "../support/whole-system.ts";

const deploy = join(import.meta.dirname, "../../deploy");
const alertsFile = join(deploy, "prometheus/alerts.yaml");
const slow = "measured-worker-cpu-0";
const held = "measured-worker-cpu-1";
const late = "measured-worker-cpu-2";

let controlPlane: ControlPlane;
let system: WholeSystem;
let copilot: CopilotProcess;
let prometheus: Prometheus;
let port: number;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await controlPlane.applyCrd();
  port = await claimFreePorts(1, Math.random);
  system = await startWholeSystem({
    controlPlane,
    installation: inject("installation"),
    clusterName: "measured",
    groups: { cpu: 3 },
    heldPods: [slow, held, late],
  });
  await applyCopilotRole(controlPlane, { namespace: "default", cluster: "measured" });
  await system.writeSettings({ metricsPort: port, unschedulableSeconds: 5, backOffSeconds: 30 });
  copilot = await startCopilot(inject("installation"), system);
  prometheus = await startPrometheus({ port, rulesFile: alertsFile });
});
afterAll(async () => {
  await prometheus?.stop();
  await copilot?.end("SIGKILL");
  await system?.stop();
  await controlPlane?.stop();
});

/** The one number that an expression gives; undefined when it gives none. */
async function numberOf(expr: string): Promise<number | undefined> {
  const found = await prometheus.query(expr);
  expect(found.length, expr).toBeLessThan(2);
  return found[0]?.values[0];
}
/** Waits until an expression of this metric is true, such as `ready == 1`. */
async function waitUntil(expr: string, timeout = 60_000): Promise<number | undefined> {
  return waitFor(
    expr,
    () => numberOf(`slurm_power_agent_${expr}`),
    (value) => value !== undefined,
    timeout,
  );
}
const ask = async (path: string): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${answer.status} ${await answer.text()}`;
};
const waitForReadyz = (start: string): Promise<string> =>
  waitFor(
    `/readyz to say ${start}`,
    () => ask("/readyz"),
    (said) => said.startsWith(start),
    90_000,
  );

test("a node wakes: its times are told stage by stage", async () => {
  await waitUntil("ready == 1");
  await waitUntil('nodes{state="powered_down"} == 3');
  const started = performance.now();
  const woken = system.slurm.srun("--nodelist", slow, "true");
  await waitUntil('resume_duration_seconds_count{until="pod_created"} == 1');
  await waitUntil('pods{phase="Pending"} == 1');
  await sleep(5000);
  await system.releasePod(slow);
  await woken;
  const waited = (performance.now() - started) / 1000;
  await waitUntil('resume_duration_seconds_count{until="registered"} == 1');
  const [created, ready, registered] = await Promise.all(
    ["pod_created", "pod_ready", "registered"].map((until) =>
      numberOf(`slurm_power_agent_resume_duration_seconds_sum{until="${until}"}`),
    ),
  );
  // The Pod was held for five seconds after it was there.
  expect(ready).toBeGreaterThan((created ?? Number.NaN) + 4);
  expect(registered).toBeGreaterThanOrEqual(ready ?? Number.NaN);
  // A round may see the end ten seconds late, and on a busy machine somewhat later.
  expect(registered).toBeLessThan(waited + 25);
  await waitUntil('nodes{state=~"idle|mixed|allocated"} == 1');
  await waitUntil("ready_pods == 1");
  // The lists with which its two watches began.
  const lists = 'slurm_power_agent_api_call_duration_seconds_count{verb="LIST",outcome="ok"}';
  expect(await numberOf(lists)).toBeGreaterThanOrEqual(2);
  expect(await numberOf('slurm_power_agent_listed_nodes{list="podsToBeCreated"}')).toBe(1);
});

test("a Pod fails: counted by its reason, and its group is closed", async () => {
  const { slurm, pods } = system;
  await slurm.sbatch("#!/bin/sh\ntrue\n", "--nodelist", held);
  await waitFor("the Pod", pods, (found) => held in found, 30_000);
  await markUnschedulable(controlPlane, held);
  await waitUntil('failures_total{reason="Unschedulable"} == 1');
  await waitUntil('down_nodes{reason="CapacityBackOff"} == 1');
  await waitUntil("struck_nodes == 1");
  await waitUntil('actions_total{rule="failing-pod",kind="set-down",outcome="done"} == 1');
  expect(await numberOf('slurm_power_agent_resume_duration_seconds_count{until="registered"}')).toBe(1);
});

test("the cause is gone: the node comes back, and all is as before", async () => {
  await system.releasePod(held);
  await waitUntil('resume_duration_seconds_count{until="registered"} == 2', 240_000);
  await waitUntil("struck_nodes == 0");
  await waitUntil('nodes{state="down"} == 0');
  expect(await numberOf('slurm_power_agent_failures_total{reason="Unschedulable"}')).toBe(1);
}, 400_000);

test("kube-apiserver goes and comes back: /readyz says why not, staleness grows, and both pass", async () => {
  expect(await waitForReadyz("200")).toBe("200 ok\n");
  await controlPlane.stopApiserver();
  expect(await waitForReadyz("503")).toMatch(/^503 (the SlurmCluster|its Pods) cannot be watched: /);
  await waitUntil("ready == 0");
  await waitUntil("staleness_seconds > 20");
  // It goes on trying, and is not to be started anew.
  expect(await ask("/healthz")).toBe("200 ok\n");
  // What was known last is still told, beside how old it is.
  expect(await numberOf('slurm_power_agent_nodes{state="powered_down"}')).toBe(1);
  const rules = await prometheus.rules();
  expect(rules.find(({ name }) => name === "SlurmCopilotNotReady")?.state).toBe("pending");
  await controlPlane.startApiserver();
  await waitForReadyz("200");
  await waitUntil("ready == 1");
  await waitUntil("staleness_seconds < 15");
});

test("the copilot is killed and starts again: nothing is measured that it did not see", async () => {
  await copilot.end("SIGKILL");
  await waitFor(
    "up == 0",
    () => numberOf('up{job="slurm-power-agent"}'),
    (value) => value === 0,
    30_000,
  );
  const busy = system.slurm.srun("--nodelist", late, "sleep", "20");
  await system.slurm.waitForNode(late, "to power up", ({ state }) => state.has("POWERING_UP"), 30_000);
  copilot = await startCopilot(inject("installation"), system);
  await waitUntil('nodes{state="powering_up"} == 1');
  await system.releasePod(late);
  await waitUntil('nodes{state=~"mixed|allocated"} == 1');
  await busy;
  expect(await numberOf('slurm_power_agent_resume_duration_seconds_count{until="registered"}')).toBe(0);
  expect(await numberOf('slurm_power_agent_failures_total{reason="Unschedulable"}')).toBe(0);
});

test("every query of the dashboard works and has shown something", async () => {
  const dashboard = await readDashboard();
  // Whether a step failed or was held back in this run is left open.
  const maybeEmpty = ["Steps not done"];
  for (const { panel, expr, instant } of queriesOf(dashboard, "30s")) {
    const series = instant ? await prometheus.query(expr) : await prometheus.queryRange(expr);
    // NaN is 0 / 0, a quantile of nothing say.
    const shown = series.flatMap(({ values }) => values).filter((value) => !Number.isNaN(value));
    if (!maybeEmpty.includes(panel)) expect(shown.length, `${panel}: ${expr}`).toBeGreaterThan(0);
  }
  const shown = await prometheus.queryRange(
    queriesOf(dashboard, "30s").find(({ panel }) => panel === "Time to wake, median")?.expr ?? "",
  );
  expect(shown.some(({ values }) => values.some((value) => value > 0))).toBe(true);
  for (const { label, match } of choicesOf(dashboard)) {
    expect(await prometheus.labelValues(label, match), match).toEqual([label === "group" ? "cpu" : "measured"]);
  }
});

test("every alert is evaluated without error, on metrics that are there", async () => {
  expect(await promtool("check", "rules", alertsFile)).toContain("SUCCESS");
  expect(await promtool("test", "rules", join(deploy, "prometheus/alerts.test.yaml"))).toContain("SUCCESS");
  const rules = await prometheus.rules();
  expect(rules.length).toBeGreaterThan(10);
  for (const { name, query, health, lastError } of rules) {
    expect({ name, health, lastError }).toEqual({ name, health: "ok", lastError: undefined });
    for (const metric of query.match(/\bslurm_power_agent_\w+/g) ?? ["up"]) {
      expect(await prometheus.queryRange(metric), `${metric} of ${name}`).not.toEqual([]);
    }
  }
});
