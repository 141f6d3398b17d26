import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The Slurm releases whose output is recorded; see scripts/record-slurm-fixtures.ts. */
export const recordedVersions = ["22.05", "24.11", "26.05"] as const;
export type RecordedVersion = (typeof recordedVersions)[number];

const read = (version: RecordedVersion, file: string) =>
  readFileSync(join(import.meta.dirname, "../fixtures/slurm", version, file), "utf8");

/** What scontrol of that release printed to standard output. */
export function fixture(version: RecordedVersion, name: string): string {
  return read(version, `${name}.txt`);
}

/** When the recording was made, in seconds since 1970, and how each scontrol ended. */
export function recording(version: RecordedVersion): {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly runs: Readonly<Record<string, { readonly exitCode: number; readonly stderr: string }>>;
} {
  return JSON.parse(read(version, "recording.json"));
}
