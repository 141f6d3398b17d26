/** Whether the clocks of this host, the API and slurmctld agree. */
import { type Check, combined, given } from "./check.ts";
import { finding } from "./codes.ts";

/** More than this is no rounding and no slow answer, in milliseconds. */
const TOLERANCE = 30_000;

export const clocks: Check = {
  name: "clocks",
  run: ({ apiClockAhead, slurmClockAhead }) =>
    combined(
      given(apiClockAhead, (ahead) => compare("clock of the Kubernetes API", ahead)),
      given(slurmClockAhead, (ahead) => compare("clock of slurmctld", ahead)),
    ),
};

function compare(subject: string, ahead: number) {
  if (Math.abs(ahead) <= TOLERANCE) return [];
  const cause = `is ${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? "ahead of" : "behind"} the one of this host`;
  return [finding("ClockSkew", subject, cause, "let chrony or systemd-timesyncd set the clocks of all hosts")];
}
