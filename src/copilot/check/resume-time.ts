/** ResumeTimeout against what Pods really take, and the copilot's limits against ResumeTimeout. */

import { limitOfNode } from "../../slurm/config.ts";
import { amount } from "../../text/amount.ts";
import { type Check, combined, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";
import { type Facts, type Known, type PodFact, together } from "./facts.ts";
import { workersByGroup } from "./workers.ts";

/** Below this many seconds there is hardly time for an image pull (Slurm's own default is 60). */
const SHORT = 120;

/** Above this share of ResumeTimeout a Pod's start leaves too little for slurmd to register, and for a slower day. */
const TIGHT = 0.7;

export const resumeTime: Check = {
  name: "ResumeTimeout",
  run: (facts) => {
    const timeout = shortestResumeTimeout(facts);
    return combined(
      given(timeout, (seconds) => [...findShort(seconds), ...findLimits(facts, seconds)]),
      given(together({ seconds: timeout, pods: facts.pods }), ({ pods, seconds }) => findSlowPods(pods, seconds)),
      given(facts.pods, () => []),
    );
  },
};

/** Of all workers; Infinity where slurmctld waits for ever. */
function shortestResumeTimeout(facts: Facts): Known<number> {
  const known = together({ config: facts.config, partitions: facts.partitions, workers: workersByGroup(facts) });
  if ("unknown" in known) return known;
  const { config, partitions, workers } = known.value;
  const all = [...workers.values()]
    .flat()
    .flatMap((node) => limitOfNode("resumeTimeout", node, config, partitions) ?? []);
  const found = all.length === 0 ? config.resumeTimeout : Math.min(...all);
  return found === undefined ? { unknown: "scontrol shows no ResumeTimeout" } : { value: found };
}

function findShort(seconds: number): Finding[] {
  if (seconds >= SHORT) return [];
  const fix = "ResumeTimeout=600 in slurm.conf, then scontrol reconfigure";
  return [finding("ResumeTimeoutShort", "ResumeTimeout", `is ${seconds} s`, fix)];
}

function findLimits({ settings }: Facts, seconds: number): Finding[] {
  const keys = ["failingPodSeconds", "unschedulableSeconds", "missingPodSeconds", "registrationSeconds"] as const;
  return keys.flatMap((key) => {
    const limit = settings.settings[key];
    if (limit === undefined || limit < seconds) return [];
    const fix = `${key}: ${Math.max(5, Math.floor(seconds / 2))} in ${settings.file}, or a longer ResumeTimeout`;
    return [finding("LimitAboveResumeTimeout", key, `is ${limit} s; ResumeTimeout is ${seconds} s`, fix)];
  });
}

function findSlowPods(pods: readonly PodFact[], timeout: number): Finding[] {
  const starts = pods.flatMap(({ startSeconds }) => startSeconds ?? []).sort((a, b) => a - b);
  const longest = starts.at(-1);
  if (longest === undefined || longest < timeout * TIGHT) return [];
  const middle = starts[Math.floor(starts.length / 2)] ?? longest;
  const seen = `of ${amount(starts.length, "Pod")} the slowest took ${Math.round(longest)} s to start, the middle one ${Math.round(middle)} s`;
  const longer = Math.ceil((longest * 2) / 60) * 60;
  const fix = `ResumeTimeout=${longer} in slurm.conf, then scontrol reconfigure; or make the image smaller or keep it on the nodes`;
  const code = longest >= timeout ? "ResumeTimeoutExceeded" : "ResumeTimeoutTight";
  return [finding(code, "ResumeTimeout", `is ${timeout} s; ${seen}`, fix)];
}
