/**
 * All rules, in the order in which they are asked. The first that acts on a worker is the only one in that round, so what Slurm does not
 * know yet (a Pod that is lost or will not come) stands before what only the lists do not know, and tidying up comes last.
 */
import type { Rule } from "./rule.ts";
import { capacityBackOff } from "./rules/capacity-back-off.ts";
import { failingPod } from "./rules/failing-pod.ts";
import { leakedPod } from "./rules/leaked-pod.ts";
import { lostResume } from "./rules/lost-resume.ts";
import { missingPod } from "./rules/missing-pod.ts";
import { prune } from "./rules/prune.ts";
import { returnToService } from "./rules/return-to-service.ts";
import { staleBoot } from "./rules/stale-boot.ts";
import { unknownPod } from "./rules/unknown-pod.ts";
import { vanishedPod } from "./rules/vanished-pod.ts";

/** The rules in order. */
export const rules: readonly Rule[] = [
  vanishedPod,
  failingPod,
  missingPod,
  staleBoot,
  leakedPod,
  lostResume,
  returnToService,
  capacityBackOff,
  unknownPod,
  prune,
];
