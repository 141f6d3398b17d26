import { join } from "node:path";
import { runHelm } from "../charts/helm.ts";
import { shellWords } from "./format.ts";
import type { Installer } from "./installer.ts";
import { inNamespace, localRepository, type Place } from "./place.ts";
import type { Shown } from "./screen.ts";
import { valuesFile } from "./values.ts";

const root = join(import.meta.dirname, "../..");

/** Installs the charts as a user would. */
export function helmInstaller(place: Place, program: string): Installer {
  const { kubectl, namespace, operator, images } = place;
  const environment = Object.fromEntries(
    Object.entries(kubectl.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  // What kubectl calls --context helm calls --kube-context; --namespace is the same.
  const options = kubectl.options.map((option) => option.replace(/^--context=/, "--kube-context="));
  const install = async (...args: readonly string[]): Promise<readonly Shown[]> => {
    const words = ["install", ...options, ...args];
    const inRepository = /^(deploy|scripts)\//;
    const absolute = words.map((word) => (inRepository.test(word) ? join(root, word) : word));
    await runHelm(program, absolute, environment);
    return [{ command: shellWords(["helm", ...words]), output: "" }];
  };
  // The charts' default needs no word.
  const image = (key: string, name: string): string[] =>
    images.repository === localRepository ? [] : [`--set=${key}.repository=${images.repository}/${name}`];
  return {
    operator: () => {
      const target = operator?.namespace ?? namespace;
      return install(
        ...["slurm-operator", "deploy/charts/slurm-operator", `--set=image.tag=${images.suite}`],
        ...image("image", "operator"),
        ...(target === namespace ? [] : [...inNamespace(place, target), "--create-namespace"]),
        ...(operator?.servesItOnly === true ? [`--set=watchNamespace=${target}`] : []),
      );
    },
    cluster: (name) =>
      install(
        ...[name, "deploy/charts/slurm-cluster", "--values", valuesFile, `--set=suite=${images.suite}`],
        ...[...image("head.image", "head"), ...image("worker.image", "worker")],
      ),
  };
}
