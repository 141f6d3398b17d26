/** ResumeRate and SuspendRate: how many nodes slurmctld hands to its programs a minute. */
import { type Check, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";

/** Nodes a minute; below, a hundred nodes take more than five minutes. */
const LOW = 20;

/** power_save_interval in seconds above which slurmctld refuses rate limits (src/slurmctld/power_save.c). */
const LONGEST_INTERVAL = 60;

export const rates: Check = {
  name: "ResumeRate and SuspendRate",
  run: ({ config: fact }) =>
    given(fact, ({ resumeRate, slurmctldParameters, suspendRate }) => {
      const all = { ResumeRate: resumeRate, SuspendRate: suspendRate };
      const interval = slurmctldParameters.get("power_save_interval");
      const limited = Object.values(all).some((rate) => rate !== undefined && rate > 0);
      return [
        ...Object.entries(all).flatMap(([name, rate]) => findLow(name, rate)),
        ...(limited && Number(interval) > LONGEST_INTERVAL ? [tooLong(interval)] : []),
      ];
    }),
};

function findLow(name: string, rate: number | undefined): Finding[] {
  if (rate === undefined || rate === 0 || rate >= LOW) return [];
  const cause = `is ${rate} a minute: 100 nodes take ${Math.ceil(100 / rate)} minutes`;
  return [finding("RateLow", name, cause, `${name}=0 in slurm.conf, which is no limit; then scontrol reconfigure`)];
}

function tooLong(interval: string | undefined): Finding {
  const cause = `power_save_interval=${interval} is above ${LONGEST_INTERVAL} s, and a rate is limited`;
  const fix = "ResumeRate=0 and SuspendRate=0 in slurm.conf, or a shorter power_save_interval; then restart slurmctld";
  return finding("SaveIntervalTooLong", "SlurmctldParameters", cause, fix);
}
