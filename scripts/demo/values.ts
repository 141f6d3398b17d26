import { readFile } from "node:fs/promises";
import { parse } from "yaml";

/** The chart's values that make the demo's cluster, relative to the repository. */
export const valuesFile = "scripts/demo/values.yaml";

/** What of them the demo itself goes by; times are in seconds. */
export interface DemoValues {
  readonly workerGroups: readonly [{ readonly maxNodes: number }];
  readonly worker: { readonly terminationGracePeriodSeconds: number };
  readonly slurm: { readonly suspendTime: number; readonly suspendTimeout: number; readonly extraConf: string };
}

/** Reads {@link valuesFile}. */
export async function readValues(): Promise<DemoValues> {
  return parse(await readFile(new URL(`../../${valuesFile}`, import.meta.url), "utf8")) as DemoValues;
}
