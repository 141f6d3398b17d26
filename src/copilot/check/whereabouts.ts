/** Which SlurmCluster and which API: here, and for the programs, which slurmctld starts without flags and environment. */
import type { SlurmClusterRef } from "../../kubernetes/slurm-cluster.ts";
import type { Check } from "./check.ts";
import { type CheckCode, type Finding, finding } from "./codes.ts";
import type { Facts, Known, Whereabouts } from "./facts.ts";

export const whereabouts: Check = {
  name: "which cluster and which API",
  run: (facts) => {
    const { here, programsAre } = facts;
    return {
      findings: [
        ...compare(
          "NoCluster",
          "SlurmCluster",
          mapKnown(here.cluster, label),
          mapKnown(programsAre.cluster, label),
          facts,
        ),
        ...compare("NoConnection", "Kubernetes API", reach(here), reach(programsAre), facts),
      ],
    };
  },
};

function compare(
  missing: CheckCode,
  subject: string,
  here: Known<string>,
  programs: Known<string>,
  { settings }: Facts,
): Finding[] {
  const keys = missing === "NoCluster" ? "namespace and cluster" : "kubeconfig";
  if ("unknown" in here) {
    const fix = `run this in the head Pod; elsewhere write ${keys} into ${settings.file}`;
    return [finding(missing, subject, here.unknown, fix)];
  }
  const fix = `write ${keys} into ${settings.file}`;
  if ("unknown" in programs) {
    return [finding("ProgramsLost", subject, `you reach ${here.value}, but for them: ${programs.unknown}`, fix)];
  }
  if (programs.value === here.value) return [];
  return [finding("ProgramsElsewhere", subject, `this is ${here.value}; theirs is ${programs.value}`, fix)];
}

function reach({ api, login }: Whereabouts): Known<string> {
  return mapKnown(api, (address) => `${address} by ${login}`);
}

function label({ namespace, name }: SlurmClusterRef): string {
  return `${namespace}/${name}`;
}

function mapKnown<T, U>(fact: Known<T>, change: (value: T) => U): Known<U> {
  return "unknown" in fact ? fact : { value: change(fact.value) };
}
