import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { indented } from "./format.ts";
import type { Installer } from "./installer.ts";
import { runKubectl } from "./kubectl.ts";
import type { Place } from "./place.ts";
import type { DemoValues } from "./values.ts";

const manifests = join(import.meta.dirname, "../../deploy/manifests");

/** The suite that deploy/manifests are written for. */
export const manifestSuite = "bookworm";

/** Applies deploy/manifests, for want of helm: for all namespaces, and for Slurm of {@link manifestSuite} from local images. */
export function manifestInstaller({ kubectl }: Place, values: DemoValues): Installer {
  const read = (name: string): Promise<string> => readFile(join(manifests, name), "utf8");
  const apply = async (manifest: string, what: string) => {
    const { command, output } = await runKubectl(kubectl, ["apply", "--server-side", "--filename=-"], manifest);
    return { command: `${command}   # ${what}`, output };
  };
  return {
    operator: async () => [await apply(await read("slurm-operator.yaml"), "deploy/manifests/slurm-operator.yaml")],
    cluster: async (name) => {
      const secret = {
        ...{ apiVersion: "v1", kind: "Secret", metadata: { name: `${name}-munge` } },
        data: { "munge.key": randomBytes(128).toString("base64") },
      };
      const manifest = withDemoValues(await read("slurm-cluster.yaml"), values);
      return [
        await apply(JSON.stringify(secret), `a Secret ${name}-munge with 128 random bytes as munge.key`),
        await apply(manifest, "deploy/manifests/slurm-cluster.yaml with the times of scripts/demo/values.yaml"),
      ];
    },
  };
}

/** The cluster's manifest with the demo's times. @throws Error when it lacks a line that is to be changed */
export function withDemoValues(manifest: string, { slurm, worker }: DemoValues): string {
  let changed = manifest;
  for (const [line, replacement] of [
    ["SuspendTime=600", `SuspendTime=${slurm.suspendTime}\n${indented(slurm.extraConf)}`],
    ["SuspendTimeout=120", `SuspendTimeout=${slurm.suspendTimeout}`],
    ["terminationGracePeriodSeconds: 30", `terminationGracePeriodSeconds: ${worker.terminationGracePeriodSeconds}`],
  ] as const) {
    if (!changed.includes(line)) throw new Error(`the manifest of the cluster has no line ${line}`);
    changed = changed.replace(line, replacement);
  }
  return changed;
}
