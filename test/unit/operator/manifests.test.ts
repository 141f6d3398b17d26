import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { buildChildren } from "../../../src/operator/build/children.ts";
import type { Manifest, PodSpec } from "../../../src/operator/build/manifest.ts";
import { buildWorker, hasLimits, templateHash } from "../../../src/operator/build/worker.ts";
import { initScripts } from "../../../src/operator/init/scripts.ts";
import { escapeForCommand, substitute } from "../../../src/operator/init/substitute.ts";
import type { OperatedCluster, OperatedGroup } from "../../../src/operator/operated-cluster.ts";
import { clusterOf, podTemplate } from "../../support/operator-manifests.ts";

const context = { clusterDomain: "cluster.local" };
const paths = { mungeConfPath: "/var/munge", slurmConfPath: "/var/slurm" };

/** Every field that the operator itself cares for is in here once. */
const full = clusterOf({
  mungeConfPath: "/var/munge",
  slurmConfPath: "/var/slurm",
  slurmctld: {
    sshService: { type: "LoadBalancer", port: 2222, annotations: { "example.org/lb": "internal" } },
    template: {
      metadata: { annotations: { "checksum/slurm-conf": "abc" } },
      spec: {
        securityContext: { fsGroup: 64030 },
        containers: [
          {
            name: "slurmctld",
            image: "head",
            resources: { requests: { cpu: 1, memory: "256Mi" } },
            volumeMounts: [{ name: "munge", mountPath: "/var/munge" }],
          },
          { name: "sidecar", image: "sidecar", command: ["run"] },
        ],
        volumes: [{ name: "munge", secret: { secretName: "munge" } }],
      },
    },
  },
  slurmdbd: {
    template: {
      spec: { containers: [{ name: "slurmdbd", image: "head", command: ["bash", "-c", "exec slurmdbd -D"] }] },
    },
  },
  slurmrestd: { replicas: 2, template: { spec: { containers: [{ name: "slurmrestd", image: "head" }] } } },
  workerGroupSpecs: [
    {
      groupName: "gpu",
      template: {
        metadata: { labels: { "kai.alibabacloud.com/slurm-feature": "a100" } },
        spec: {
          dnsConfig: { searches: ["example.org"] },
          containers: [
            {
              image: "worker",
              env: [{ name: "A", value: "b" }],
              resources: { limits: { cpu: 4, memory: "8Gi", "nvidia.com/gpu": 2 } },
            },
          ],
        },
      },
    },
    {
      groupName: "own",
      initBash: "cp {{.SlurmConfPath}}/slurm.conf /etc/slurm/\necho $(date) $$ {{ .MungeKeyPath }}\n",
      template: { spec: { containers: [{ name: "slurmd", image: "worker", command: ["slurmd"], args: ["-D"] }] } },
    },
  ],
});

/** The default scripts are long, and files of their own; the hash changes with them. */
function withoutScripts(manifest: Manifest): Manifest {
  const known = new Map(
    Object.entries(initScripts).map(([type, text]) => [escapeForCommand(substitute(text, paths)), `echo ${type}.bash`]),
  );
  return JSON.parse(JSON.stringify(manifest), (key, value) =>
    key === "kai.alibabacloud.com/template-hash" ? "a-hash" : (known.get(value as string) ?? value),
  ) as Manifest;
}

const groupOf = (cluster: OperatedCluster, name: string): OperatedGroup => {
  const group = cluster.groups.find((each) => each.name === name);
  if (group === undefined) throw new Error(`no group ${name}`);
  return group;
};

const golden = (name: string) => join(import.meta.dirname, "golden", `${name}.yaml`);

describe("golden manifests", () => {
  const { wanted, unwanted } = buildChildren(full, context);
  test.each(wanted.map((manifest) => [`${manifest.kind}-${manifest.metadata.name}`, manifest] as const))(
    "%s",
    async (name, manifest) => {
      await expect(stringify(withoutScripts(manifest), { lineWidth: 130 })).toMatchFileSnapshot(golden(name));
    },
  );
  test.each([
    ["Pod-managed", buildWorker(full, groupOf(full, "gpu"), 12, true, context)],
    ["Pod-own-script", buildWorker(full, groupOf(full, "own"), 0, false, context)],
  ])("%s", async (name, manifest) => {
    await expect(stringify(withoutScripts(manifest), { lineWidth: 130 })).toMatchFileSnapshot(golden(name));
  });
  test("nothing is unwanted where all is asked for", () => expect(unwanted).toEqual([]));
});

test("what is not asked for must not be there; an account of the site's own needs no rights of ours", () => {
  const spec = {
    template: { spec: { serviceAccountName: "theirs", containers: [{ name: "slurmctld", image: "head" }] } },
  };
  const { wanted, unwanted } = buildChildren(clusterOf({ slurmctld: spec, workerGroupSpecs: [] }), context);
  expect(wanted.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(["Service demo", "StatefulSet demo"]);
  expect(unwanted.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    "Deployment demo-slurmdbd",
    "Service demo-slurmdbd",
    "Deployment demo-slurmrestd",
    "Service demo-slurmrestd",
    "Service demo-ssh",
  ]);
});

test("older clusters' headGroupSpec makes the same head", () => {
  const head = { template: podTemplate };
  const children = (spec: object) => buildChildren(clusterOf({ ...spec, workerGroupSpecs: [] }), context);
  expect(children({ headGroupSpec: head })).toEqual(children({ slurmctld: head }));
});

test("the rights of a head are those of deploy/rbac, but for the Leases of backup controllers", () => {
  const file = (name: string) => readFileSync(join(import.meta.dirname, "../../../deploy/rbac", name), "utf8");
  const documents = ["agent.yaml", "copilot.yaml"].flatMap((name) =>
    parseAllDocuments(file(name)).map((each) => each.toJS()),
  );
  const rulesOf = (objects: readonly { kind: string; metadata: { name: string } }[], name: string) =>
    objects.flatMap((each) =>
      each.kind === "Role" && each.metadata.name === name
        ? ((each as { rules?: { resources: string[] }[] }).rules ?? [])
        : [],
    );
  const { wanted } = buildChildren(full, context);
  const expected = JSON.parse(JSON.stringify(rulesOf(documents, "slurm-demo")).replaceAll("slurm-demo", "demo"));
  expect(rulesOf(wanted, "demo")).toEqual(expected);
  expect(rulesOf(wanted, "demo-copilot")).toEqual(
    rulesOf(documents, "slurm-demo-copilot").filter(({ resources }) => !resources.includes("leases")),
  );
});

describe("the template hash", () => {
  const hash = (changes: object) => {
    const cluster = clusterOf({ workerGroupSpecs: [{ groupName: "cpu", template: podTemplate, ...changes }] });
    return templateHash(cluster, groupOf(cluster, "cpu"), context);
  };
  test("does not depend on replicas and lists, nor on the order of keys", () => {
    const changed = { replicas: 4, podsToBeCreated: [1], podsToBeDeleted: ["demo-worker-cpu-2"] };
    expect(hash(changed)).toBe(hash({}));
    const [container] = podTemplate.spec.containers;
    const turned = Object.fromEntries(Object.entries(container ?? {}).reverse());
    expect(hash({ template: { spec: { containers: [turned] } } })).toBe(hash({}));
  });
  test("depends on template and script", () => {
    const other = { spec: { containers: [{ name: "slurmd", image: "newer" }] } };
    expect(new Set([hash({}), hash({ template: other }), hash({ initBash: "exec slurmd -D" })]).size).toBe(3);
  });
});

test("a group whose first container lacks a limit is told from one that has both", () => {
  const group = (limits: object | undefined) =>
    ({ template: { spec: { containers: [{ resources: { limits } }] } } }) as Parameters<typeof hasLimits>[0];
  expect(hasLimits(group({ cpu: 1, memory: "1Gi" }))).toBe(true);
  expect(hasLimits(group({ cpu: 1 }))).toBe(false);
  expect(hasLimits(group(undefined))).toBe(false);
});

test("a template of its own for the folder of the downward API does not make it appear twice", () => {
  const template = {
    spec: {
      containers: [
        { name: "slurmd", image: "worker", volumeMounts: [{ name: "x", mountPath: "/etc/slurmd-podinfo" }] },
      ],
      volumes: [{ name: "slurmd-podinfo", emptyDir: {} }],
    },
  };
  const cluster = clusterOf({ workerGroupSpecs: [{ groupName: "cpu", template }] });
  const spec = buildWorker(cluster, groupOf(cluster, "cpu"), 0, false, context).spec as PodSpec;
  expect(spec.volumes?.map(({ name }) => name)).toEqual(["slurmd-podinfo"]);
  expect(spec.containers[0]?.volumeMounts).toEqual([{ name: "slurmd-podinfo", mountPath: "/etc/slurmd-podinfo" }]);
});
