import type { Helm } from "../charts/helm.ts";
import { helmInstaller } from "./helm-installer.ts";
import { runKubectl } from "./kubectl.ts";
import { manifestInstaller } from "./manifest-installer.ts";
import { inNamespace, type Place } from "./place.ts";
import type { Stage, Step } from "./run-steps.ts";
import type { Shown } from "./screen.ts";
import type { DemoContext } from "./steps.ts";
import type { DemoValues } from "./values.ts";

const jobScript = "#!/bin/sh\n#SBATCH --chdir=/tmp\nsrun hostname\n";

/** The two documented commands, with helm, or without it the plain manifests; and the job's script in the head. */
export function installationSteps(
  place: Place,
  helm: Helm,
  values: DemoValues,
  { cluster, head }: { readonly cluster: string; readonly head: string },
): readonly Step<DemoContext>[] {
  const { kubectl, operator, images, startLimit } = place;
  const installer = helm.program === undefined ? manifestInstaller(place, values) : helmInstaller(place, helm.program);
  const install = async ({ screen }: Stage, work: Promise<readonly Shown[]>): Promise<void> => {
    for (const shown of await screen.waiting("the installation", 120_000, work)) screen.command(shown);
  };
  const operatorStep: Step<DemoContext> = {
    title: "Install slurm-operator",
    limit: startLimit,
    async run(_, stage) {
      await install(stage, installer.operator());
      const at = operator === undefined ? [] : inNamespace(place, operator.namespace);
      const deployment = () => runKubectl(kubectl, ["get", "deployment", "slurm-operator", ...at]);
      await stage.until("the operator to be ready", deployment, (output) => /\s1\/1\s/.test(output));
      stage.screen.proven("slurm-operator runs in its Pod");
    },
  };
  const clusterStep: Step<DemoContext> = {
    title: `Install the Slurm cluster ${cluster}`,
    limit: startLimit,
    async run(context, stage) {
      await install(stage, installer.cluster(cluster));
      await stage.until("the cluster to be ready", context.kubernetes.slurmCluster, (output) =>
        /\sready\s/.test(output),
      );
      stage.screen.command(await context.run("sinfo", "--version"));
      await runKubectl(kubectl, ["exec", "--stdin", head, "--", "tee", context.jobScript], jobScript);
      stage.screen.proven(`slurmctld answers in Pod ${head} (images of Debian ${images.suite})`);
    },
  };
  return operator === undefined ? [clusterStep] : [operatorStep, clusterStep];
}
