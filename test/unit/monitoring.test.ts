/** Dashboard and alerts: up to date, complete, and about metrics that there are. What they find is tried with a real Prometheus. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { buildDashboard } from "../../scripts/grafana/dashboard.ts";
import { queriesOf, readDashboard } from "../support/dashboard.ts";

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
const readAlerts = async (): Promise<readonly Alert[]> =>
  (parse(await read("deploy/prometheus/alerts.yaml")) as { groups: { rules: Alert[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  );

/** Names that docs/metrics.md lists, with those that a histogram adds. */
async function knownSeries(): Promise<Set<string>> {
  const rows = (await read("docs/metrics.md")).matchAll(/^\| `(\w+)` \| (\w+) \|/gm);
  return new Set(
    [...rows].flatMap(([, name, type]) =>
      type === "histogram" ? ["_bucket", "_count", "_sum"].map((ending) => `${name}${ending}`) : [`${name}`],
    ),
  );
}
const seriesOf = (expr: string): string[] => expr.match(/\b(slurm_power_agent|process)_\w+/g) ?? [];

describe("the dashboard", () => {
  test("is what its source makes", async () => {
    expect(await readDashboard(), "run `npm run dashboard`").toEqual(JSON.parse(JSON.stringify(buildDashboard())));
  });

  test("asks for metrics that there are", async () => {
    const known = await knownSeries();
    const asked = queriesOf(await readDashboard(), "1m").flatMap(({ expr }) => seriesOf(expr));
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  test("its panels have an id and a description each and do not overlap", async () => {
    const { panels = [] } = buildDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const panel of panels) {
      if (panel.type !== "row") expect(panel, panel.title ?? "").toHaveProperty("description");
      const { x = 0, y = 0, w = 0, h = 0 } = panel.gridPos ?? {};
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          expect(taken.has(`${column} ${line}`), `${panel.title} at ${column} ${line}`).toBe(false);
          taken.add(`${column} ${line}`);
        }
      }
    }
  });
});

describe("the alerts", () => {
  test("are about metrics that there are, and say what to do", async () => {
    const known = await knownSeries();
    for (const { alert, expr, labels, annotations } of await readAlerts()) {
      expect(
        seriesOf(expr).filter((name) => !known.has(name)),
        alert,
      ).toEqual([]);
      expect(labels.severity, alert).toMatch(/^(critical|warning|info)$/);
      expect(annotations.summary, alert).toMatch(/\.$/);
      expect(annotations.description.length, alert).toBeGreaterThan(40);
    }
  });

  test("fire each in a test of promtool", async () => {
    const { tests } = parse(await read("deploy/prometheus/alerts.test.yaml")) as {
      tests: {
        promql_expr_test?: { exp_samples: { labels: string }[] }[];
        alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
      }[];
    };
    const fired = tests.flatMap(({ promql_expr_test = [], alert_rule_test = [] }) => [
      ...promql_expr_test.flatMap(({ exp_samples }) =>
        exp_samples.map(({ labels }) => /alertname="(\w+)"/.exec(labels)?.[1]),
      ),
      ...alert_rule_test.flatMap(({ alertname, exp_alerts }) => (exp_alerts.length > 0 ? [alertname] : [])),
    ]);
    const alerts = (await readAlerts()).map(({ alert }) => alert);
    expect(alerts.filter((alert) => !fired.includes(alert))).toEqual([]);
  });
});
