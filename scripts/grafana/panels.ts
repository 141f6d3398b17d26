/** Panels of a dashboard in a few words: what to ask and how to show it. */
import * as common from "@grafana/grafana-foundation-sdk/common";
import { ThresholdsConfigBuilder, ThresholdsMode } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** The data source that is chosen at the top of the dashboard. */
export const datasource: common.DataSourceRef = { type: "prometheus", uid: `\${datasource}` };

/** What a panel shows. */
interface PanelText {
  readonly title: string;
  /** What a reader sees there, and what it means. */
  readonly description: string;
  /** Grafana's name of the unit: `s`, `bytes`, `short` … */
  readonly unit: string;
}

/** A number of now, red from `red` on, or below it where less is worse. */
export function stat(text: PanelText, expr: string, red?: { readonly from: number } | { readonly below: number }) {
  const steps =
    red === undefined
      ? [{ value: null, color: "text" }]
      : "from" in red
        ? [
            { value: null, color: "green" },
            { value: red.from, color: "red" },
          ]
        : [
            { value: null, color: "red" },
            { value: red.below, color: "green" },
          ];
  return new StatBuilder()
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .datasource(datasource)
    .span(3)
    .height(4)
    .colorMode(common.BigValueColorMode.Value)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .withTarget(new DataqueryBuilder().refId("A").datasource(datasource).expr(expr).instant());
}

/** Lines over time: each query with the legend of its lines. `stacked` for parts of a whole. */
export function lines(
  text: PanelText,
  queries: readonly (readonly [expr: string, legend: string])[],
  { stacked = false }: { readonly stacked?: boolean } = {},
) {
  const panel = new TimeSeriesBuilder()
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .datasource(datasource)
    .span(8)
    .height(8)
    .min(0)
    .fillOpacity(stacked ? 40 : 0)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  queries.forEach(([expr, legend], index) => {
    const refId = String.fromCharCode("A".charCodeAt(0) + index);
    panel.withTarget(
      new DataqueryBuilder().refId(refId).datasource(datasource).expr(expr).legendFormat(legend).range(),
    );
  });
  return panel;
}
