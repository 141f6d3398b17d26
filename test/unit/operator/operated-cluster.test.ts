import { describe, expect, test } from "vitest";
import { clusterDomainOf } from "../../../src/operator/cluster-domain.ts";
import { toObservedPod } from "../../../src/operator/observed-pod.ts";
import { slurmClustersPath, toOperatedCluster } from "../../../src/operator/operated-cluster.ts";
import { clusterOf, podTemplate } from "../../support/operator-manifests.ts";

const group = { groupName: "cpu", template: podTemplate };

describe("a specification that is refused, and why", () => {
  test.each<[string, object, RegExp]>([
    ["no groups", {}, /^workerGroupSpecs is missing; to have no workers, write an empty list$/],
    ["groups that are null", { workerGroupSpecs: null }, /^workerGroupSpecs is missing/],
    ["a group twice", { workerGroupSpecs: [group, group] }, /^workerGroupSpecs\[1\].groupName cpu is there twice$/],
    ["a group without a name", { workerGroupSpecs: [{ template: podTemplate }] }, /groupName is undefined; lower-case/],
    ["a group that no Pod can bear", { workerGroupSpecs: [{ ...group, groupName: "CPU_1" }] }, /groupName is "CPU_1"/],
    [
      "a floor that is a slip",
      { workerGroupSpecs: [{ ...group, replicas: 65_537 }] },
      /replicas is 65537; at most 65536/,
    ],
    ["no template", { workerGroupSpecs: [{ groupName: "cpu" }] }, /^the template of group cpu has no container$/],
    [
      "a head without a container",
      { slurmctld: { template: { spec: {} } }, workerGroupSpecs: [] },
      /^slurmctld.template/,
    ],
    [
      "an older head without one",
      { headGroupSpec: {}, workerGroupSpecs: [] },
      /^headGroupSpec.template has no container/,
    ],
    [
      "backup controllers",
      { slurmctld: { replicas: 2, template: podTemplate }, workerGroupSpecs: [] },
      /^slurmctld.replicas is 2; more than one slurmctld is not supported, write 1$/,
    ],
    [
      "an action that is not known",
      { workerGroupSpecs: [{ ...group, initBash: "{{ .Name }}" }] },
      /initBash of group cpu uses {{ .Name }}; only/,
    ],
    [
      "a path for a shell to trip over",
      { mungeConfPath: "/a b", workerGroupSpecs: [] },
      /^mungeConfPath is "\/a b", not an absolute path/,
    ],
    ["a relative path", { slurmConfPath: "etc", workerGroupSpecs: [] }, /^slurmConfPath is "etc"/],
    [
      "a Service of no type",
      { slurmctld: { template: podTemplate, sshService: { type: "ExternalName" } }, workerGroupSpecs: [] },
      /sshService.type is "ExternalName"/,
    ],
  ])("%s", (_what, spec, problem) => expect(clusterOf(spec).problems).toEqual([expect.stringMatching(problem)]));

  test.each(["0demo", "de.mo", "demo-", "d".repeat(53)])("the name %s", (name) => {
    expect(clusterOf({ workerGroupSpecs: [] }, { name }).problems).toEqual([expect.stringContaining(name)]);
  });
});

test("defaults, older spellings and what is left out", () => {
  const spec = {
    headGroupSpec: { template: podTemplate },
    slurmrestd: { template: podTemplate },
    slurmConfPath: "/conf/",
    workerGroupSpecs: [
      { ...group, replicas: 0, workerCount: 3, initBash: " " },
      {
        ...group,
        groupName: "b",
        replicas: 2,
        workerCount: 3,
        podsToBeCreated: [1, 1, -1, 0.5],
        podsToBeDeleted: null,
      },
    ],
  };
  const cluster = clusterOf(spec);
  expect(cluster).toMatchObject({
    problems: [],
    mungeConfPath: "/var/munge",
    slurmConfPath: "/conf",
    head: { replicas: 1 },
    slurmrestd: { replicas: 1 },
    deleting: false,
    groups: [
      { name: "cpu", replicas: 3, created: new Set(), deleted: [] },
      { name: "b", replicas: 2, created: new Set([1]), deleted: [] },
    ],
  });
  expect(cluster.slurmdbd).toBeUndefined();
  expect(cluster.groups[0]?.initBash).toBeUndefined();
  expect(clusterOf(spec, { deletionTimestamp: "2026-01-01T00:00:00Z" }).deleting).toBe(true);
});

test.each([undefined, null, 7, {}, { metadata: { name: "a" } }])("%j is no SlurmCluster and no Pod", (thing) => {
  expect(toOperatedCluster(thing)).toBeUndefined();
  expect(toObservedPod(thing, 0)).toBeUndefined();
});

test("a Pod is read with its labels, its owner and its marks", () => {
  const prefix = "kai.alibabacloud.com";
  const metadata = {
    name: "demo-worker-cpu-3",
    namespace: "hpc",
    uid: "u",
    labels: {
      [`${prefix}/slurm-cluster`]: "demo",
      [`${prefix}/slurm-node-type`]: "worker",
      [`${prefix}/slurm-worker-group`]: "cpu",
      [`${prefix}/slurm-worker-index`]: "3",
    },
    annotations: { [`${prefix}/power-managed`]: "true", [`${prefix}/template-hash`]: "abc" },
    ownerReferences: [
      { uid: "not", controller: false },
      { uid: "owner", controller: true },
    ],
  };
  expect(toObservedPod({ metadata, status: { phase: "Running" } }, 0)).toMatchObject({
    cluster: "demo",
    type: "worker",
    group: "cpu",
    index: 3,
    owner: "owner",
    powerManaged: true,
    templateHash: "abc",
  });
  const bad = { ...metadata, labels: { ...metadata.labels, [`${prefix}/slurm-worker-index`]: "03" } };
  expect(toObservedPod({ metadata: bad }, 0)?.index).toBeUndefined();
  expect(toObservedPod({ metadata: { ...metadata, labels: {} } }, 0)).toBeUndefined();
});

test("paths of all clusters and of one namespace's", () => {
  expect(slurmClustersPath(undefined)).toBe("/apis/kai.alibabacloud.com/v1/slurmclusters");
  expect(slurmClustersPath("hpc")).toBe("/apis/kai.alibabacloud.com/v1/namespaces/hpc/slurmclusters");
});

test.each([
  ["search hpc.svc.example.org svc.example.org example.org\nnameserver 10.0.0.10\n", "example.org"],
  ["nameserver 10.0.0.10\nsearch hpc.svc.cluster.local svc.cluster.local cluster.local", "cluster.local"],
  ["search example.org", "cluster.local"],
  ["", "cluster.local"],
])("the cluster's domain in %j", (text, domain) => expect(clusterDomainOf(text)).toBe(domain));
