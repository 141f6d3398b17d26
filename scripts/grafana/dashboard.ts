/** The dashboard deploy/grafana/slurm-power-agent.json. `npm run dashboard` writes it. */
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { datasource, lines, stat } from "./panels.ts";

const cluster = 'slurm_cluster=~"$slurm_cluster"';
const group = `${cluster},group=~"$group"`;

/** A metric of the copilot; its labels are those of the cluster, `more` and, if it has groups, the group. */
const ofCluster = (name: string, more = ""): string => `slurm_power_agent_${name}{${cluster}${more}}`;
const ofGroup = (name: string, more = ""): string => `slurm_power_agent_${name}{${group}${more}}`;

/** How often something happens in the time of a step, as `rate` for whatever is on the screen. */
const increase = (series: string): string => `increase(${series}[$__rate_interval])`;
const quantile = (share: number, by: string, buckets: string): string =>
  `histogram_quantile(${share}, sum by (le${by === "" ? "" : `, ${by}`}) (rate(${buckets}[$__rate_interval])))`;

const now = [
  stat(
    { title: "Ready", description: "0: Slurm or the Kubernetes API cannot be read; /readyz says why.", unit: "none" },
    `min(${ofCluster("ready")})`,
    { below: 1 },
  ),
  stat(
    {
      title: "Staleness",
      description: "Since the copilot last knew everything. Above 60 s nothing is done.",
      unit: "s",
    },
    `max(${ofCluster("staleness_seconds")})`,
    { from: 60 },
  ),
  stat(
    { title: "Nodes in use or idle", description: "Nodes that Slurm counts on.", unit: "short" },
    `sum(${ofGroup("nodes", ',state=~"idle|mixed|allocated"')})`,
  ),
  stat(
    { title: "Powering up", description: "Nodes whose jobs wait for a Pod or its slurmd.", unit: "short" },
    `sum(${ofGroup("nodes", ',state="powering_up"')})`,
  ),
  stat(
    { title: "DOWN", description: "Nodes that failed, are closed, or were set DOWN by an admin.", unit: "short" },
    `sum(${ofGroup("nodes", ',state="down"')})`,
    { from: 1 },
  ),
  stat(
    {
      title: "Given up",
      description: "Nodes that only an admin returns to service: sinfo -R says why.",
      unit: "short",
    },
    `sum(${ofGroup("given_up_nodes")})`,
    { from: 1 },
  ),
  stat(
    { title: "Leaked Pods", description: "Pods whose node is powered down or unknown to Slurm.", unit: "short" },
    `sum(${ofGroup("leaked_pods")})`,
    { from: 1 },
  ),
  stat(
    {
      title: "Steps held back",
      description: "They would end too many Pods at once. Somebody must look.",
      unit: "short",
    },
    `max(${ofCluster("held_back_actions")})`,
    { from: 1 },
  ),
];

const nodesAndPods = [
  lines(
    { title: "Nodes by state", description: "Powered-down nodes are left out.", unit: "short" },
    [[`sum by (state) (${ofGroup("nodes", ',state!~"powered_down|future"')})`, "{{state}}"]],
    { stacked: true },
  ),
  lines({ title: "Pods by phase", description: "Worker Pods of the SlurmCluster.", unit: "short" }, [
    [`sum by (phase) (${ofGroup("pods")})`, "{{phase}}"],
    [`sum(${ofGroup("ready_pods")})`, "ready"],
  ]),
  lines(
    {
      title: "Asked for and there",
      description:
        "podsToBeCreated, Pods and nodes that are up go together; where they part, something is lost or slow.",
      unit: "short",
    },
    [
      [`sum by (list) (${ofGroup("listed_nodes")})`, "{{list}}"],
      [`sum(${ofGroup("pods", ',phase!="Terminating"')})`, "Pods"],
      [`sum(${ofGroup("nodes", ',state=~"idle|mixed|allocated|drain"')})`, "nodes up"],
    ],
  ),
  lines({ title: "Nodes in use, by group", description: "Allocated and mixed nodes.", unit: "short" }, [
    [`sum by (group) (${ofGroup("nodes", ',state=~"mixed|allocated"')})`, "{{group}}"],
  ]),
  lines(
    { title: "DOWN, by reason", description: "CapacityBackOff: closed as Pods of the group fail.", unit: "short" },
    [[`sum by (group, reason) (${ofGroup("down_nodes")})`, "{{group}} {{reason}}"]],
    { stacked: true },
  ),
  lines({ title: "Pods that fail now", description: "By why; some pass by themselves.", unit: "short" }, [
    [`sum by (group, reason) (${ofGroup("failing_pods")})`, "{{group}} {{reason}}"],
  ]),
];

const waking = [
  lines(
    {
      title: "Time to wake, median",
      description: "From when a node was seen powering up. The stage at which it grows says where the time goes.",
      unit: "s",
    },
    [[quantile(0.5, "until", ofGroup("resume_duration_seconds_bucket")), "{{until}}"]],
  ),
  lines(
    {
      title: "Time to wake, slowest tenth",
      description: "Until registered, by group. Near ResumeTimeout healthy nodes begin to fail.",
      unit: "s",
    },
    [
      [quantile(0.9, "group", ofGroup("resume_duration_seconds_bucket", ',until="registered"')), "{{group}}"],
      [`max(${ofCluster("resume_timeout_seconds")})`, "ResumeTimeout"],
    ],
  ),
  lines({ title: "Woken and failed", description: "Nodes in each step of the graph.", unit: "short" }, [
    [`sum(${increase(ofGroup("resume_duration_seconds_count", ',until="registered"'))})`, "woken"],
    [`sum by (reason) (${increase(ofGroup("failures_total"))}) > 0`, "{{reason}}"],
  ]),
];

const copilot = [
  lines({ title: "Steps done, by rule", description: "What it mends; quiet when all agree.", unit: "short" }, [
    [`sum by (rule) (${increase(ofCluster("actions_total", ',outcome="done"'))})`, "{{rule}}"],
  ]),
  lines({ title: "Steps not done", description: "failed: also those no longer called for.", unit: "short" }, [
    [`sum by (outcome, kind) (${increase(ofCluster("actions_total", ',outcome!="done"'))})`, "{{outcome}} {{kind}}"],
    [`max(${ofCluster("held_back_actions")})`, "held back now"],
  ]),
  lines({ title: "Staleness", description: "Of what it knows, and of each watch (up to 90 s is usual).", unit: "s" }, [
    [`max(${ofCluster("staleness_seconds")})`, "rounds"],
    [`max by (watch) (${ofCluster("watch_staleness_seconds")})`, "watch of {{watch}}"],
  ]),
  lines({ title: "Rounds", description: "By what they came to; one every ten seconds or more.", unit: "short" }, [
    [`sum by (outcome) (${increase(ofCluster("rounds_total"))})`, "{{outcome}}"],
  ]),
  lines({ title: "Calls of the Kubernetes API", description: "By verb and outcome.", unit: "short" }, [
    [`sum by (verb, outcome) (${increase(ofCluster("api_call_duration_seconds_count"))})`, "{{verb}} {{outcome}}"],
  ]),
  lines({ title: "Runs of scontrol", description: "By command and outcome.", unit: "short" }, [
    [
      `sum by (command, outcome) (${increase(ofCluster("scontrol_call_duration_seconds_count"))})`,
      "{{command}} {{outcome}}",
    ],
  ]),
  lines({ title: "Slowest tenth", description: "How long calls and rounds take.", unit: "s" }, [
    [quantile(0.9, "verb", ofCluster("api_call_duration_seconds_bucket")), "{{verb}}"],
    [quantile(0.9, "command", ofCluster("scontrol_call_duration_seconds_bucket")), "scontrol {{command}}"],
    [quantile(0.9, "", ofCluster("round_duration_seconds_bucket")), "round"],
  ]),
  lines({ title: "CPU of a round", description: "All CPU time of the process, shared among the rounds.", unit: "s" }, [
    [
      `sum(rate(process_cpu_seconds_total{${cluster}}[$__rate_interval])) / sum(rate(${ofCluster("rounds_total")}[$__rate_interval]))`,
      "CPU",
    ],
  ]),
  lines({ title: "Memory", description: "Resident memory of each copilot.", unit: "bytes" }, [
    [`process_resident_memory_bytes{${cluster}}`, "{{instance}}"],
  ]),
];

/** The dashboard as Grafana imports it. */
export function buildDashboard() {
  const choice = (name: string, label: string, query: string) =>
    new QueryVariableBuilder(name)
      .label(label)
      .datasource(datasource)
      .query(query)
      .definition(query)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      .allValue(".*")
      .current({ text: "All", value: "$__all" });
  const dashboard = new DashboardBuilder("Slurm power agent")
    .uid("slurm-power-agent")
    .description("Cloud nodes of Slurm as Pods of a SlurmCluster, and the copilot that keeps them in agreement.")
    .tags(["slurm", "kubernetes"])
    .refresh("30s")
    .time({ from: "now-6h", to: "now" })
    .annotations([])
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .withVariable(choice("slurm_cluster", "SlurmCluster", "label_values(slurm_power_agent_build_info, slurm_cluster)"))
    .withVariable(choice("group", "Group", `label_values(slurm_power_agent_nodes{${cluster}}, group)`));
  const rows = { Now: now, "Nodes and Pods": nodesAndPods, Waking: waking, Copilot: copilot };
  let id = 0;
  for (const [title, panels] of Object.entries(rows)) {
    id += 1;
    dashboard.withRow(new RowBuilder(title).id(id));
    for (const panel of panels) {
      id += 1;
      dashboard.withPanel(panel.id(id));
    }
  }
  return dashboard.build();
}
