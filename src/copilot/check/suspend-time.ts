/** SuspendTimeout and SuspendTime against what it takes to end a Pod and to bring one back. */
import { workerTemplate } from "../../kubernetes/pod-template.ts";
import { limitOfNode } from "../../slurm/config.ts";
import { type Check, combined, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";
import { type Facts, together } from "./facts.ts";
import { workersByGroup } from "./workers.ts";

/** Seconds from SuspendProgram's call until the Pod is told to end, and from its end until a new one may be made. */
const MARGIN = 10;

export const suspendTime: Check = {
  name: "SuspendTimeout and SuspendTime",
  run: (facts) =>
    combined(
      given(
        together({
          config: facts.config,
          partitions: facts.partitions,
          resource: facts.resource,
          workers: workersByGroup(facts),
        }),
        ({ config, partitions, resource, workers }) =>
          (resource.spec.workerGroupSpecs ?? []).flatMap((spec) => {
            const nodes = workers.get(spec.groupName ?? "") ?? [];
            const limits = nodes.flatMap((node) => limitOfNode("suspendTimeout", node, config, partitions) ?? []);
            const grace = workerTemplate(spec)?.terminationGracePeriod;
            const needed = (grace ?? 0) + MARGIN;
            const shortest = Math.min(...limits);
            return grace === undefined || shortest >= needed ? [] : [short(`${spec.groupName}`, shortest, grace)];
          }),
      ),
      given(facts.config, (config) => {
        const { resumeTimeout, suspendTime: idle, suspendTimeout } = config;
        if (suspendTimeout === undefined) return [];
        return [
          ...findDeadline(facts, suspendTimeout),
          ...(idle === undefined || resumeTimeout === undefined || idle >= suspendTimeout + resumeTimeout
            ? []
            : [soon(idle, suspendTimeout, resumeTimeout)]),
        ];
      }),
    ),
};

function short(group: string, seconds: number, grace: number): Finding {
  const cause = `is ${seconds} s; Pods of worker group ${group} have ${grace} s to end (terminationGracePeriodSeconds)`;
  const fix = `SuspendTimeout=${Math.ceil((grace + MARGIN) / 60) * 60} in slurm.conf, then scontrol reconfigure`;
  return finding("SuspendTimeoutShort", "SuspendTimeout", cause, fix);
}

function soon(idle: number, suspendTimeout: number, resumeTimeout: number): Finding {
  const sum = suspendTimeout + resumeTimeout;
  const cause = `is ${idle} s; SuspendTimeout and ResumeTimeout together are ${sum} s`;
  return finding(
    "SuspendTimeShort",
    "SuspendTime",
    cause,
    `SuspendTime=${sum} or more in slurm.conf, if Pods are slow to come`,
  );
}

function findDeadline({ settings }: Facts, suspendTimeout: number): Finding[] {
  const { deadlineSeconds } = settings.settings;
  if (deadlineSeconds < suspendTimeout) return [];
  const cause = `is ${deadlineSeconds} s; SuspendTimeout is ${suspendTimeout} s`;
  const fix = `SuspendTimeout=${deadlineSeconds + MARGIN} or more in slurm.conf, or a smaller deadlineSeconds in ${settings.file}`;
  return [finding("DeadlineAboveSuspendTimeout", "deadlineSeconds", cause, fix)];
}
