import type { TestedVersions } from "../../scripts/matrix/report.ts";
import type { TrialCluster } from "./trial-cluster.ts";

declare module "vitest" {
  interface TaskMeta {
    /** For docs/compatibility.md. */
    versions?: TestedVersions;
  }
}

/** What the running slurmctld and kube-apiserver call themselves. @throws Error when slurmctld's answer has no version */
export async function testedVersions({ inHead, cluster }: TrialCluster): Promise<TestedVersions> {
  const [, slurm] = /^SLURM_VERSION\s*=\s*(\S+)$/m.exec(await inHead("scontrol", "show", "config")) ?? [];
  if (slurm === undefined) throw new Error("scontrol show config has no SLURM_VERSION");
  const { gitVersion } = JSON.parse(await cluster.kubectl(["get", "--raw=/version"])) as { gitVersion: string };
  return { slurm, kubernetes: gitVersion };
}
