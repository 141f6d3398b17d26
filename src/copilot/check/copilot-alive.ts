/** Whether a copilot runs here, sees everything, and is the one that these settings and this release mean. */

import { healthz } from "../health.ts";
import { copilotSettings } from "../settings.ts";
import type { CopilotView } from "../view.ts";
import { type Check, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";
import type { Facts } from "./facts.ts";

export const copilotAlive: Check = {
  name: "copilot",
  run: (facts) =>
    given(facts.copilot, (view) => {
      if (view !== undefined) return [...findInView(view, facts), ...findSecond(facts)];
      const { copilotSocket } = facts.settings.settings;
      const fix = "start slurmctld-copilot beside slurmctld, as SlurmUser";
      return [finding("CopilotNotRunning", "slurmctld-copilot", `none listens on ${copilotSocket}`, fix)];
    }),
};

function findInView(view: CopilotView, facts: Facts): Finding[] {
  const { here, now, version } = facts;
  const health = healthz(view, now);
  const watched = view.last?.snapshot.cluster;
  const cluster = "unknown" in here.cluster ? undefined : here.cluster.value.name;
  const of = (code: Finding["code"], cause: string, fix: string): Finding =>
    finding(code, "slurmctld-copilot", cause, fix);
  return [
    ...(health.status === undefined
      ? []
      : [of("CopilotStuck", health.body.trim(), "restart it; its log says what it did last")]),
    ...(view.problem === undefined
      ? []
      : [of("CopilotIdle", `its last round did nothing: ${view.problem}`, "see the errors of this check")]),
    ...(view.standby === undefined
      ? []
      : [of("CopilotStandsBy", view.standby, "nothing, when this is a backup controller")]),
    ...(watched === undefined || cluster === undefined || watched === cluster
      ? []
      : [of("CopilotOfAnotherCluster", `works for ${watched}, not for ${cluster}`, "start it with these settings")]),
    ...(view.version === version
      ? []
      : [of("CopilotVersion", `is ${view.version}; this program is ${version}`, "restart slurmctld-copilot")]),
    ...findSettings(view, facts),
  ];
}

function findSecond({ copilots }: Facts): Finding[] {
  if (copilots.length < 2) return [];
  const cause = `${copilots.length} run on this host with the same slurm.conf: pids ${copilots.join(", ")}`;
  return [finding("CopilotTwice", "slurmctld-copilot", cause, "see to it that only one is started, and end the other")];
}

function findSettings(view: CopilotView, { settings }: Facts): Finding[] {
  if (view.last === undefined) return [];
  const now = copilotSettings(settings.settings, view.last.resumeTimeout);
  const before = view.last.settings;
  const changed = (Object.keys(now) as (keyof typeof now)[]).filter((key) => now[key] !== before[key]);
  if (changed.length === 0) return [];
  const said = changed.map((key) => `${key} is ${before[key]} there, and ${now[key]} by the file`).join("; ");
  return [finding("CopilotSettings", settings.file, said, "send the copilot SIGHUP, or restart it")];
}
