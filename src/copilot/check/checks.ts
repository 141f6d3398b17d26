/** All checks, in the order in which a person would look. */
import { api } from "./api.ts";
import type { Check } from "./check.ts";
import { clocks } from "./clocks.ts";
import { copilotAlive } from "./copilot-alive.ts";
import { filesOfSlurmUser } from "./files.ts";
import { hardware } from "./hardware.ts";
import { lists } from "./lists.ts";
import { nodeNames } from "./node-names.ts";
import { programs } from "./programs.ts";
import { rates } from "./rates.ts";
import { resumeTime } from "./resume-time.ts";
import { rights } from "./rights.ts";
import { settingsFile } from "./settings-file.ts";
import { slurmParameters } from "./slurm-parameters.ts";
import { slurmctld } from "./slurmctld.ts";
import { stateWords } from "./state-words.ts";
import { suspendTime } from "./suspend-time.ts";
import { whereabouts } from "./whereabouts.ts";

/** What `slurmctld-copilot check` runs. */
export const checks: readonly Check[] = [
  settingsFile,
  filesOfSlurmUser,
  whereabouts,
  api,
  rights,
  clocks,
  slurmctld,
  programs,
  nodeNames,
  hardware,
  resumeTime,
  suspendTime,
  rates,
  slurmParameters,
  stateWords,
  copilotAlive,
  lists,
];
