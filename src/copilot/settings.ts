/** The limits and graces of the copilot, in seconds and counts: what the settings file says, and defaults by slurm.conf's timeouts. */
import type { CopilotLimits } from "../settings/settings.ts";

/** Every limit; {@link CopilotLimits} tells what each means. */
export type CopilotSettings = Required<CopilotLimits>;

/**
 * The limits for a Slurm with this ResumeTimeout in seconds. Where the settings file says nothing, what a node may take to come up is at most
 * half of ResumeTimeout: Slurm is to learn of a failure before slurmctld itself gives up, which overwrites the reason.
 */
export function copilotSettings(limits: CopilotLimits, resumeTimeout: number): CopilotSettings {
  return {
    failingPodSeconds: limits.failingPodSeconds ?? Math.min(60, resumeTimeout / 2),
    missingPodSeconds: limits.missingPodSeconds ?? Math.min(300, resumeTimeout / 2),
    unschedulableSeconds: limits.unschedulableSeconds ?? Math.min(300, resumeTimeout / 2),
    registrationSeconds: limits.registrationSeconds ?? Math.min(60, resumeTimeout / 2),
    unknownPodSeconds: limits.unknownPodSeconds ?? 300,
    backOffSeconds: limits.backOffSeconds ?? 120,
    strikeLimit: limits.strikeLimit ?? 5,
    blastRadius: limits.blastRadius ?? 10,
    blastRadiusShare: limits.blastRadiusShare ?? 0.2,
  };
}
