import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { charts, copies, renderReadme } from "../../scripts/charts/charts.ts";
import { chartValues, listItemTables, valuesTable } from "../../scripts/charts/values-table.ts";
import { toOperatedCluster } from "../../src/operator/operated-cluster.ts";
import { defaultSettings } from "../../src/settings/settings.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFile(join(root, path), "utf8");
const readAll = async (path: string) =>
  parseAllDocuments(await read(path)).flatMap((document) => (document.toJSON() ?? []) as KubernetesObject | []);

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** As much of JSON Schema as is compared. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean;
}

describe.each(charts.map((chart) => [chart.name, chart] as const))("chart %s", (name, chart) => {
  test("has the tables of its values in its README", async () => {
    expect(await readFile(join(chart.folder, "README.md"), "utf8")).toBe(await renderReadme(chart));
  });

  test("has the version of the package", async () => {
    const { version } = JSON.parse(await read("package.json")) as { version: string };
    expect(parse(await read(`deploy/charts/${name}/Chart.yaml`))).toMatchObject({ name, version, appVersion: version });
  });

  test("knows in its schema exactly the values that it has", async () => {
    const schema = JSON.parse(await read(`deploy/charts/${name}/values.schema.json`)) as Schema;
    const paths = ({ properties = {}, additionalProperties }: Schema, prefix = ""): string[] =>
      Object.entries(properties).flatMap(([key, property]) => {
        const path = `${prefix}${key}`;
        return additionalProperties === false ? [path, ...paths(property, `${path}.`)] : [];
      });
    const values = chartValues(await read(`deploy/charts/${name}/values.yaml`)).map(({ path }) => path);
    // helm hands `global` to every chart; what `resources` holds is Kubernetes' own.
    const own = (path: string) => path !== "global" && !path.includes("resources.");
    expect(paths(schema).filter(own).sort()).toEqual(values.filter(own).sort());
  });
});

describe("the operator's chart", () => {
  test.each(copies)("has $source as it is", async ({ source, copy }) => {
    expect(await readFile(copy, "utf8")).toBe(await readFile(source, "utf8"));
  });

  test("brings the resource of deploy/crd", async () => {
    const objects = await readAll("deploy/manifests/slurm-operator.yaml");
    const rendered = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    expect(rendered).toEqual(await readAll("deploy/crd/slurmclusters.yaml"));
  });

  test("gives the rights of deploy/rbac/operator.yaml, and no others", async () => {
    const isAccess = ({ kind }: KubernetesObject) => kind === "ServiceAccount" || /Role/.test(kind);
    const plain = ({ metadata: { name, namespace }, ...rest }: KubernetesObject) => ({ name, namespace, ...rest });
    const rendered = (await readAll("deploy/manifests/slurm-operator.yaml")).filter(isAccess).map(plain);
    const expected = (await readAll("deploy/rbac/operator.yaml")).filter(isAccess).map(plain);
    expect(expected).not.toEqual([]);
    expect(rendered).toHaveLength(expected.length);
    expect(rendered).toEqual(expect.arrayContaining(expected));
  });
});

test("the resource says that enablePrometheus has no effect, and where the metrics are", async () => {
  const crd = await read("deploy/crd/slurmclusters.yaml");
  const [, description] = /enablePrometheus:\n +description: >-\n +(.*)\n/.exec(crd) ?? [];
  expect(description).toMatch(/without effect/);
  expect(description).toContain(`(${defaultSettings.metricsPort} by default)`);
});

test("the operator finds nothing wrong with the cluster's manifest", async () => {
  const [resource] = (await readAll("deploy/manifests/slurm-cluster.yaml")).filter(
    ({ kind }) => kind === "SlurmCluster",
  );
  // What Kubernetes adds.
  const stored = { ...resource, metadata: { ...resource?.metadata, namespace: "default", uid: "u" } };
  expect(toOperatedCluster(stored)).toMatchObject({ name: "slurm-demo", groups: [{ name: "cpu" }], problems: [] });
});

test("the cluster's manifest holds no secret", async () => {
  const objects = await readAll("deploy/manifests/slurm-cluster.yaml");
  expect(objects.map(({ kind }) => kind).sort()).toEqual(["ConfigMap", "SlurmCluster"]);
});

describe("tables of values", () => {
  const values = `# All of it.
# In two lines.
a:
  # One | two.
  b: "x"
  c: [1, {d: e}]

f: {}
`;

  test("have a row for each value, and for each map that has a comment", () => {
    expect(valuesTable(values).split("\n")).toEqual([
      "| value | default | meaning |",
      "|---|---|---|",
      "| **a** |  | All of it. In two lines. |",
      '| `a.b` | `"x"` | One \\| two. |',
      '| `a.c` | `[1,{"d":"e"}]` |  |',
      "| `f` | `{}` |  |",
    ]);
  });

  test("have the keys of list items that the schema describes", () => {
    const item = { required: ["x"], properties: { x: { description: "An x." }, y: { description: "A y." }, z: {} } };
    const schema = { properties: { a: { properties: { list: { items: item } } }, b: { items: {} } } };
    expect(listItemTables(schema)).toEqual([
      [
        "Each of `a.list`:",
        "",
        "| key | needed | meaning |",
        "|---|---|---|",
        "| `x` | yes | An x. |",
        "| `y` | no | A y. |",
      ].join("\n"),
    ]);
  });

  test("are not made of what is no YAML", () => {
    expect(() => chartValues("a: [")).toThrow("Flow sequence");
  });
});
