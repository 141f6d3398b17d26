/** The copilot's metrics: counted from what it observes, the rest looked up when somebody scrapes them. */
import { type Gauge, Registry } from "prom-client";
import { failures } from "../codes.ts";
import { readyz } from "../health.ts";
import type { Observation, Observe } from "../observation.ts";
import type { CopilotView } from "../view.ts";
import { type Count, type Counts, countAll } from "./counts.ts";
import { countedFailures, followFailures, type KnownFailures } from "./failure-reasons.ts";
import { createInstruments, type Instruments } from "./instruments.ts";
import { followResumes, noResumeTimes, type ResumeTimes, stages } from "./resume-times.ts";

/** What is looked up when somebody scrapes. Times are epoch milliseconds. */
export interface MetricsContext {
  readonly version: string;
  /** Name of the SlurmCluster; the label `slurm_cluster` of every metric. */
  readonly cluster: string;
  readonly view: () => CopilotView;
  /** By watch: up to when its objects are known to be the server's; absent before the first list. */
  readonly watches: () => Readonly<Record<string, number | undefined>>;
  /** Of this process. */
  readonly usage: () => { readonly cpuSeconds: number; readonly residentBytes: number };
  readonly now: () => number;
}

/** Metrics that are kept. */
export interface Metrics {
  readonly observe: Observe;
  /** The answer to a scrape, in the text format of Prometheus. */
  readonly scrape: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

/** Makes the metrics of one copilot. */
export function createMetrics(context: MetricsContext): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ slurm_cluster: context.cluster });
  const instruments = createInstruments(registry);
  instruments.buildInfo.set({ version: context.version }, 1);
  for (const outcome of ["complete", "unknown", "standby"]) instruments.rounds.inc({ outcome }, 0);
  // Unknown, and not 0, until Slurm was read.
  instruments.resumeTimeout.remove();
  const looks = createLooks(instruments);
  return {
    observe: (observation) => {
      count(observation, instruments);
      if (observation.kind === "round") looks(observation.view);
    },
    scrape: async () => {
      lookUp(context, instruments);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

function count(observation: Observation, instruments: Instruments): void {
  switch (observation.kind) {
    case "round":
      instruments.rounds.inc({ outcome: outcomeOf(observation.view) });
      instruments.roundDuration.observe(observation.milliseconds / 1000);
      break;
    case "defect":
      instruments.defects.inc();
      break;
    case "step": {
      const { action, group = "", outcome } = observation;
      const { rule, kind, code } = action;
      instruments.actions.inc({ rule, kind, outcome });
      // A node that is closed as others of its group fail has not failed.
      const isFailure = kind === "set-down" && Object.hasOwn(failures, code);
      if (isFailure && outcome === "done") instruments.failures.inc({ group, reason: code });
      break;
    }
    case "api-call":
      instruments.apiCalls.observe(
        { verb: observation.verb, outcome: observation.outcome },
        observation.milliseconds / 1000,
      );
      break;
    case "scontrol-call":
      instruments.scontrolCalls.observe(
        { command: observation.command, outcome: observation.outcome },
        observation.milliseconds / 1000,
      );
      break;
  }
}

function outcomeOf({ problem, standby }: CopilotView): string {
  if (problem !== undefined) return "unknown";
  return standby === undefined ? "complete" : "standby";
}

/** Takes the views of successive rounds. Those that could not read everything repeat the last look and tell nothing new. */
function createLooks(instruments: Instruments): (view: CopilotView) => void {
  let at: number | undefined;
  let times: ResumeTimes = noResumeTimes;
  let known: KnownFailures | undefined;
  let begun: ReadonlySet<string> = new Set();
  return ({ last, memory }) => {
    if (last?.at === at) return;
    at = last?.at;
    if (last === undefined) {
      // It stands by now: others know.
      times = noResumeTimes;
      known = undefined;
      setCounts(instruments, undefined);
      instruments.resumeTimeout.remove();
      return;
    }
    const counts = countAll(last.snapshot, memory, last.settings);
    setCounts(instruments, counts);
    instruments.resumeTimeout.set(last.resumeTimeout);
    for (const group of counts.groups) if (!begun.has(group)) beginAtZero(group, instruments);
    begun = begun.union(new Set(counts.groups));
    const resumes = followResumes(times, last.snapshot, last.at);
    times = resumes.after;
    for (const { group, stage, seconds } of resumes.reached) {
      instruments.resumeDuration.observe({ group, until: stage }, seconds);
    }
    const byOthers = followFailures(known, last.snapshot);
    known = byOthers.after;
    for (const labels of byOthers.failed) instruments.failures.inc(labels);
  };
}

/** Prometheus sees no increase in a count that is first there with one. */
function beginAtZero(group: string, { failures, resumeDuration }: Instruments): void {
  for (const reason of countedFailures) failures.inc({ group, reason }, 0);
  for (const until of stages) resumeDuration.zero({ group, until });
}

function setCounts(instruments: Instruments, counts: Counts | undefined): void {
  replace(instruments.nodes, counts?.nodes);
  replace(instruments.downNodes, counts?.downNodes);
  replace(instruments.listedNodes, counts?.listedNodes);
  replace(instruments.struckNodes, counts?.struckNodes);
  replace(instruments.givenUpNodes, counts?.givenUpNodes);
  replace(instruments.pods, counts?.pods);
  replace(instruments.readyPods, counts?.readyPods);
  replace(instruments.failingPods, counts?.failingPods);
  replace(instruments.leakedPods, counts?.leakedPods);
}

/** What is no longer counted, a group that is gone say, is no longer there. */
function replace<Label extends string>(gauge: Gauge<Label>, counts: readonly Count<Label>[] = []): void {
  gauge.reset();
  for (const { labels, value } of counts) gauge.set(labels, value);
}

/** Sets what must be right at the moment of a scrape, even while rounds fail or hang. */
function lookUp({ view: currentView, watches, usage, now }: MetricsContext, instruments: Instruments): void {
  const at = now();
  const view = currentView();
  const { last, problem, roundAt, settingsProblems, standby, startedAt } = view;
  const secondsSince = (time: number): number => Math.max(0, at - time) / 1000;
  instruments.ready.set((readyz(view, at).status ?? 200) === 200 ? 1 : 0);
  instruments.staleness.set(secondsSince((standby === undefined ? last?.at : roundAt) ?? startedAt));
  for (const [watch, contact] of Object.entries(watches())) {
    instruments.watchStaleness.set({ watch }, secondsSince(contact ?? startedAt));
  }
  instruments.standby.set(standby === undefined ? 0 : 1);
  instruments.settingsProblems.set(settingsProblems.length);
  // A round that knows nothing decides nothing.
  instruments.heldBack.set(problem === undefined ? (last?.heldBack ?? 0) : 0);
  instruments.startTime.set(startedAt / 1000);
  const { cpuSeconds, residentBytes } = usage();
  instruments.cpu.reset();
  instruments.cpu.inc(cpuSeconds);
  instruments.memory.set(residentBytes);
}
