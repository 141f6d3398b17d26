/** Every metric: its name, type, labels, and meaning in a sentence. docs/metrics.md says more about each. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Seconds from a call of a few milliseconds to one that is given up. */
const CALL_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** Seconds from a round that finds nothing to do to one that waits for everything. */
const ROUND_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60];

/** Seconds from a Pod that was there already to the longest ResumeTimeout that sites use. */
const RESUME_BUCKETS = [1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800];

/** All metrics. Those without a label are set at each scrape, except the counters. */
export type Instruments = ReturnType<typeof createInstruments>;

/** Makes the metrics and puts them into a registry. */
export function createInstruments(registry: Registry) {
  const common = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) => ({
    name,
    help,
    labelNames,
    registers: [registry],
  });
  const gauge = <Label extends string = never>(name: string, help: string, ...labels: Label[]) =>
    new Gauge(common(`slurm_power_agent_${name}`, help, labels));
  const counter = <Label extends string = never>(name: string, help: string, ...labels: Label[]) =>
    new Counter(common(`slurm_power_agent_${name}`, help, labels));
  const histogram = <Label extends string = never>(name: string, help: string, buckets: number[], ...labels: Label[]) =>
    new Histogram({ ...common(`slurm_power_agent_${name}`, help, labels), buckets });
  return {
    buildInfo: gauge("build_info", "1, with the version of the copilot.", "version"),
    ready: gauge("ready", "1 while /readyz answers 200, else 0."),
    staleness: gauge("staleness_seconds", "Seconds since the copilot last knew everything, or stood by."),
    watchStaleness: gauge("watch_staleness_seconds", "Seconds since a watch was last known to be current.", "watch"),
    standby: gauge("standby", "1 while this copilot leaves everything to another one."),
    settingsProblems: gauge("settings_problems", "Mistakes in the settings file."),
    rounds: counter("rounds_total", "Rounds by what they came to.", "outcome"),
    defects: counter("defects_total", "Rounds, and single steps, that ended in a defect of the copilot's own."),
    roundDuration: histogram("round_duration_seconds", "How long rounds take.", ROUND_BUCKETS),

    nodes: gauge("nodes", "Slurm nodes by state.", "group", "state"),
    downNodes: gauge("down_nodes", "Slurm nodes that are DOWN, by why.", "group", "reason"),
    listedNodes: gauge("listed_nodes", "Names in the lists of the SlurmCluster.", "group", "list"),
    struckNodes: gauge("struck_nodes", "Nodes that failed and have not come up since.", "group"),
    givenUpNodes: gauge("given_up_nodes", "Nodes that failed so often that only an admin returns them.", "group"),
    pods: gauge("pods", "Worker Pods by phase.", "group", "phase"),
    readyPods: gauge("ready_pods", "Worker Pods that are ready.", "group"),
    failingPods: gauge("failing_pods", "Worker Pods that fail now, by why.", "group", "reason"),
    leakedPods: gauge("leaked_pods", "Worker Pods whose node is powered down or unknown to Slurm.", "group"),

    resumeDuration: histogram(
      "resume_duration_seconds",
      "Seconds from when a node was seen powering up until a stage was reached.",
      RESUME_BUCKETS,
      "group",
      "until",
    ),
    resumeTimeout: gauge("resume_timeout_seconds", "The longest ResumeTimeout of slurm.conf."),
    failures: counter("failures_total", "Nodes set DOWN because they failed, by why.", "group", "reason"),
    actions: counter("actions_total", "Steps that the rules decided, by what came of them.", "rule", "kind", "outcome"),
    heldBack: gauge("held_back_actions", "Steps that the last round held back because they would end too many Pods."),

    apiCalls: histogram(
      "api_call_duration_seconds",
      "Calls of the Kubernetes API, watches not included.",
      CALL_BUCKETS,
      "verb",
      "outcome",
    ),
    scontrolCalls: histogram("scontrol_call_duration_seconds", "Runs of scontrol.", CALL_BUCKETS, "command", "outcome"),

    // Names that Prometheus' own clients give to every process.
    cpu: new Counter(common("process_cpu_seconds_total", "CPU time of the copilot, in seconds.", [])),
    memory: new Gauge(common("process_resident_memory_bytes", "Resident memory of the copilot, in bytes.", [])),
    startTime: new Gauge(common("process_start_time_seconds", "When the copilot started, in seconds since 1970.", [])),
  };
}
