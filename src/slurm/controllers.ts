/** Which slurmctlds answer, from `scontrol ping`. */

/** One slurmctld of slurm.conf. */
export interface Controller {
  /** Its SlurmctldHost. */
  readonly name: string;
  /** `primary`, or a backup of whatever number (src/scontrol/info_job.c: `backup`, `backup1` …). */
  readonly role: "primary" | "backup";
  /**
   * Whether it answered. A backup that stands by answers too, and the primary takes over again when it is back: of several that are up,
   * the first serves (seen with 22.05). A backup that is the only one up serves after SlurmctldTimeout.
   */
  readonly up: boolean;
}

/** Parses the output of `scontrol ping`, in the order of slurm.conf, in which backups take over. None when there is nothing to read. */
export function parsePing(text: string): Controller[] {
  return [...text.matchAll(/^Slurmctld\((primary|backup)\d*\) at (\S+) is (UP|DOWN)\b/gm)].map(
    ([, role = "", name = "", state]) => ({
      name,
      role: role === "primary" ? "primary" : "backup",
      up: state === "UP",
    }),
  );
}
