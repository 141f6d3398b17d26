import { describe, inject } from "vitest";
import { helmMissing } from "./helm.ts";

/** As `describe`; where this machine cannot run a cluster the tests are skipped and the name tells what it lacks. */
export function describeCluster(name: string, body: () => void): void {
  describeUnlessLacking(name, inject("lacking"), body);
}

/** As {@link describeCluster}, for tests that install the charts by helm. */
export function describeHelmCluster(name: string, body: () => void): void {
  describeUnlessLacking(name, inject("lacking") || (helmMissing ?? ""), body);
}

function describeUnlessLacking(name: string, lacking: string, body: () => void): void {
  describe.skipIf(lacking !== "")(lacking === "" ? name : `${name} (skipped: ${lacking})`, body);
}
