/** The dashboard as a file, and its queries as Grafana would send them. */
import { readFile } from "node:fs/promises";

/** One query of a panel. */
export interface DashboardQuery {
  readonly panel: string;
  readonly expr: string;
  /** Whether the panel shows a number of now, or a graph. */
  readonly instant: boolean;
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly instant?: boolean }[];
  }[];
  readonly templating: { readonly list: readonly { readonly type: string; readonly query: string }[] };
}

/** deploy/grafana/slurm-power-agent.json. */
export async function readDashboard(): Promise<Dashboard> {
  const file = new URL("../../deploy/grafana/slurm-power-agent.json", import.meta.url);
  return JSON.parse(await readFile(file, "utf8")) as Dashboard;
}

/** All queries, with "All" chosen for each variable and this time between two points of a graph. */
export function queriesOf({ panels }: Dashboard, interval: string): readonly DashboardQuery[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, instant = false }) => ({
      panel: title,
      expr: expr.replaceAll("$__rate_interval", interval).replaceAll(/\$(slurm_cluster|group)\b/g, ".*"),
      instant,
    })),
  );
}

/** The queries behind its variables, `label_values(series, label)`, as the label and the series. */
export function choicesOf({ templating }: Dashboard): readonly { readonly label: string; readonly match: string }[] {
  return templating.list.flatMap(({ type, query }) => {
    const [, match, label] = /^label_values\((.*), (\w+)\)$/s.exec(query) ?? [];
    if (type !== "query") return [];
    if (match === undefined || label === undefined) throw new Error(`not understood: ${query}`);
    return { label, match: match.replaceAll("$slurm_cluster", ".*") };
  });
}
