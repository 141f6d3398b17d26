import type { Suite } from "../images/debian-base.ts";

/** The suite of what is tried with one release of Slurm alone. */
const mainSuite: Suite = "trixie";

/**
 * Files of test/cluster that are run with trixie alone, and why that is enough. Each other file is run with every suite, so
 * that a new one is not forgotten.
 */
export const triedOnce: Readonly<Record<string, string>> = {
  "demo-context.test.ts":
    "how the demo treats a Kubernetes that is not its own does not depend on the release of Slurm",
  "local-cluster.test.ts": "Kubernetes alone, there is no Slurm in it",
  "rights.test.ts": "what Kubernetes and the operating system allow does not depend on the release of Slurm",
  "logins-and-accounting.test.ts":
    "sshd, nslcd and /home have no part of Slurm in them; slurmdbd.conf and the database are the same for all releases",
};

/** Which of test/cluster's files a suite is run with, in the order given. */
export function filesOf(suite: Suite, files: readonly string[]): readonly string[] {
  return files.filter((file) => suite === mainSuite || !Object.hasOwn(triedOnce, file));
}
