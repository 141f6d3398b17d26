import { describe } from "vitest";
import { prepareHelm, runHelm } from "../../scripts/charts/helm.ts";

// The first run on a machine builds helm.
const helm = await prepareHelm();

/** Why there is no helm on this machine, if so. */
export const helmMissing = helm.missing;

/** `describe` for tests that need helm; where there is none they are skipped, and their heading says why. */
export function describeWithHelm(name: string, tests: () => void): void {
  describe.skipIf(helm.missing !== undefined)(helm.missing === undefined ? name : `${name} (${helm.missing})`, tests);
}

/** Path of helm, in tests of {@link describeWithHelm}. */
export const helmProgram = helm.program ?? "";

/** What `helm template` makes of a chart for the release `demo`. @throws what execFile does, with `stderr`, when helm refuses */
export function template(chart: string, ...args: readonly string[]): Promise<string> {
  return runHelm(helmProgram, ["template", "demo", chart, ...args]);
}
