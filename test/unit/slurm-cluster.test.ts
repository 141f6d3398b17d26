import { expect, test } from "vitest";
import { slurmClusterCollection, slurmClusterPath, toSlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";

const metadata = { name: "demo", namespace: "hpc", uid: "u", generation: 3 };

test("what the lists are made of is kept, the rest is not", () => {
  const template = { spec: { containers: [{ name: "main", image: "x" }, { name: "exporter" }] } };
  const more = { resourceVersion: "9", managedFields: [{}], annotations: { a: "b" } };
  const group = { groupName: "cpu", replicas: 2, podsToBeCreated: [0, 1], podsToBeDeleted: null, template };
  const old = { groupName: "old", workerCount: 4 };
  const spec = { slurmctld: {}, workerGroupSpecs: [group, old] };
  const why = "exceeded quota";
  const status = { state: "failed", availableWorkers: ["demo-worker-cpu-0"], observedGeneration: 2, reason: why };
  expect(toSlurmCluster({ kind: "SlurmCluster", metadata: { ...metadata, ...more }, spec, status })).toEqual({
    metadata,
    spec: {
      workerGroupSpecs: [
        {
          ...{ groupName: "cpu", replicas: 2, workerCount: null, podsToBeCreated: [0, 1], podsToBeDeleted: [] },
          slurmdContainer: "main",
        },
        { groupName: "old", replicas: null, workerCount: 4, podsToBeCreated: [], podsToBeDeleted: [] },
      ],
    },
    status: { availableWorkers: ["demo-worker-cpu-0"], observedGeneration: 2, reason: why },
  });
});

test("one without groups and status", () => {
  expect(toSlurmCluster({ metadata, spec: { workerGroupSpecs: null }, status: null })).toEqual({
    metadata,
    spec: { workerGroupSpecs: [] },
    status: { availableWorkers: [], observedGeneration: null, reason: null },
  });
});

test.each([undefined, null, "x", {}, { metadata }, { metadata: { ...metadata, uid: 7 }, spec: {} }])(
  "%j is none",
  (object) => expect(toSlurmCluster(object)).toBeUndefined(),
);

test("it has a path of its own, and a selector for lists", () => {
  const ref = { namespace: "hpc", name: "demo" };
  const path = "/apis/kai.alibabacloud.com/v1/namespaces/hpc/slurmclusters";
  expect(slurmClusterPath(ref)).toBe(`${path}/demo`);
  expect(slurmClusterCollection(ref)).toEqual({ path, selector: { fieldSelector: "metadata.name=demo" } });
});
