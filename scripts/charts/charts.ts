/** The charts, and how each becomes a plain manifest for those who do without helm. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runHelm } from "./helm.ts";
import { listItemTables, valuesTable } from "./values-table.ts";

const deploy = join(import.meta.dirname, "../../deploy");

/** One chart of deploy/charts. */
export interface Chart {
  readonly name: string;
  readonly folder: string;
  /** The file that {@link renderManifest} is kept in. */
  readonly manifest: string;
  /** Options of `helm template`: release, namespace and values of the manifest. */
  readonly rendering: readonly string[];
  /** What stands before the rendered objects: how to apply them, and objects that helm would make by itself. */
  readonly preamble: string;
}

const operatorPreamble = `# slurm-operator and the SlurmCluster resource, for all namespaces: the chart slurm-operator with its defaults.
#     kubectl apply --server-side -f slurm-operator.yaml
---
apiVersion: v1
kind: Namespace
metadata:
  name: slurm-operator
`;

const clusterPreamble = `# A trial cluster slurm-demo: the chart slurm-cluster with its defaults. Into the namespace of your choice:
#     head -c 128 /dev/urandom | kubectl create secret generic slurm-demo-munge --from-file=munge.key=/dev/stdin
#     kubectl apply --server-side -f slurm-cluster.yaml
# Server-side, as a plain apply would wipe what slurm-power-agent wrote into the worker groups.
`;

/** All charts, the operator's first. */
export const charts: readonly Chart[] = [
  chart("slurm-operator", ["slurm-operator", "--namespace", "slurm-operator", "--include-crds"], operatorPreamble),
  chart("slurm-cluster", ["slurm-demo", "--set", "munge.existingSecret=slurm-demo-munge"], clusterPreamble),
];

/** Files of the operator's chart that are copies of others: a chart can't read outside its folder. */
export const copies = [
  {
    source: join(deploy, "crd/slurmclusters.yaml"),
    copy: join(deploy, "charts/slurm-operator/crds/slurmclusters.yaml"),
  },
  { source: join(deploy, "rbac/operator.yaml"), copy: join(deploy, "charts/slurm-operator/operator-rbac.yaml") },
] as const;

function chart(name: string, [release = "", ...options]: readonly string[], preamble: string): Chart {
  const folder = join(deploy, "charts", name);
  const rendering = ["template", release, folder, ...options];
  return { name, folder, manifest: join(deploy, "manifests", `${name}.yaml`), rendering, preamble };
}

/** The chart as one manifest, always the same for the same chart. */
export async function renderManifest(helm: string, { rendering, preamble }: Chart): Promise<string> {
  const rendered = await runHelm(helm, rendering);
  // nindent of the templates also indents empty lines.
  return `${preamble}${rendered.replaceAll(/[ \t]+$/gm, "")}`;
}

/** The chart's README with the tables of its values made anew. @throws Error when the README lacks the marks between which they stand */
export async function renderReadme({ folder }: Pick<Chart, "folder">): Promise<string> {
  const read = (file: string) => readFile(join(folder, file), "utf8");
  const [readme, values, schema] = await Promise.all(["README.md", "values.yaml", "values.schema.json"].map(read));
  const tables = [valuesTable(values ?? ""), ...listItemTables(JSON.parse(schema ?? ""))].join("\n\n");
  const marked = /(<!-- values -->\n)[\s\S]*(<!-- \/values -->)/;
  if (!marked.test(readme ?? "")) throw new Error(`${folder}/README.md has no <!-- values --> … <!-- /values -->`);
  return (readme ?? "").replace(marked, (_, begin: string, end: string) => `${begin}${tables}\n${end}`);
}
