import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SlurmCluster, WorkerGroupSpec } from "../../src/kubernetes/slurm-cluster.ts";
import type { Action } from "../../src/scaling/group-sets.ts";
import { buildPatch, groupNames, type PlannedRequest } from "../../src/scaling/patch.ts";
import { applyPatch } from "../support/json-patch.ts";
import { slurmCluster } from "../support/slurm-cluster.ts";

const ask = (requested: Record<string, number[]>) =>
  new Map(Object.entries(requested).map(([group, indexes]) => [group, new Set(indexes)]));

const patchFor = (cluster: SlurmCluster, action: Action, byGroup: PlannedRequest["byGroup"]) =>
  buildPatch(cluster, [{ action, byGroup }]);

describe("buildPatch", () => {
  test("tests the object and the group, then writes only what changes", () => {
    const cluster = slurmCluster([
      { groupName: "gpu", replicas: 1 },
      { groupName: "cpu", replicas: 0, podsToBeDeleted: ["demo-worker-cpu-9"] },
    ]);
    expect(patchFor(cluster, "resume", ask({ cpu: [0, 1] }))).toEqual([
      { op: "test", path: "/metadata/uid", value: "6f1c" },
      { op: "test", path: "/metadata/generation", value: 3 },
      { op: "test", path: "/spec/workerGroupSpecs/1/groupName", value: "cpu" },
      { op: "add", path: "/spec/workerGroupSpecs/1/podsToBeCreated", value: [0, 1] },
      { op: "add", path: "/spec/workerGroupSpecs/1/replicas", value: 2 },
    ]);
  });

  test("is empty when the resource already says so, whether lists are missing, null or there", () => {
    for (const podsToBeDeleted of [undefined, null, []]) {
      const group = { groupName: "cpu", replicas: 1, podsToBeCreated: [0], podsToBeDeleted } as WorkerGroupSpec;
      expect(patchFor(slurmCluster([group]), "resume", ask({ cpu: [0] }))).toEqual([]);
    }
  });

  test("a status older than the spec tells only about the nodes asked for", () => {
    const group = { groupName: "cpu", replicas: 2 };
    const stale = slurmCluster([group], ["demo-worker-cpu-0", "demo-worker-cpu-1"]);
    const lagging = { ...stale, status: { ...stale.status, observedGeneration: stale.metadata.generation - 1 } };
    const written = (cluster: SlurmCluster, index: number) =>
      applyPatch(cluster, patchFor(cluster, "suspend", ask({ cpu: [index] })))?.spec.workerGroupSpecs?.[0];
    expect(written(stale, 1)).toMatchObject({ podsToBeCreated: [0], replicas: 1 });
    expect(written(lagging, 1)).toEqual({ groupName: "cpu", replicas: 1, podsToBeDeleted: ["demo-worker-cpu-1"] });
  });

  test("a replicas of 0 beside workerCount is the CRD's default", () => {
    const cluster = slurmCluster([{ groupName: "cpu", replicas: 0, workerCount: 3 }]);
    expect(patchFor(cluster, "resume", ask({ cpu: [7] })).at(-1)).toMatchObject({
      path: "/spec/workerGroupSpecs/0/workerCount",
      value: 4,
    });
  });

  test("writes workerCount where the object has that and no replicas", () => {
    const cluster = slurmCluster([{ groupName: "cpu", workerCount: 2 }]);
    expect(patchFor(cluster, "resume", ask({ cpu: [7] })).at(-1)).toEqual({
      op: "add",
      path: "/spec/workerGroupSpecs/0/workerCount",
      value: 3,
    });
  });

  test("cleans lists that were only ever appended to, without starting or ending anything", () => {
    const group = {
      groupName: "cpu",
      replicas: 2,
      podsToBeCreated: [1, 0, 0, 1],
      podsToBeDeleted: ["demo-worker-cpu-1", "demo-worker-cpu-1"],
    };
    const after = applyPatch(slurmCluster([group]), patchFor(slurmCluster([group]), "resume", ask({ cpu: [2] })));
    expect(after?.spec.workerGroupSpecs?.[0]).toEqual({
      groupName: "cpu",
      replicas: 2,
      podsToBeCreated: [0, 2],
      podsToBeDeleted: [],
    });
  });
});

/** Requests and operators of any kind acting in any order on a resource; `wanted` is what Slurm asked for last. */
describe("random interleavings", () => {
  const groupsOfTheTest = ["cpu", "cpu-1", "gpu"];
  const indexes = fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 6 });
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("resume", "suspend"),
        group: fc.constantFrom(...groupsOfTheTest),
        indexes,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("operator"), empties: fc.boolean() }) },
  );

  test("sets stay disjoint and without duplicates, R never below 0, repeats change nothing, nothing else is touched", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let cluster = slurmCluster(
          groupsOfTheTest.map((groupName) => ({ groupName, replicas: 0, template: { spec: groupName } })),
        );
        const wanted = new Set<string>();
        for (const action of steps) {
          if ("group" in action) {
            const { group, kind } = action as { group: string; kind: "resume" | "suspend" };
            const requested = ask({ [group]: action.indexes });
            const before = cluster;
            const patched = applyPatch(before, patchFor(before, kind, requested));
            if (patched === undefined) throw new Error("a test of the patch failed on the very object it was made for");
            cluster = { ...patched, metadata: { ...patched.metadata, generation: patched.metadata.generation + 1 } };
            expect(patchFor(cluster, kind, requested)).toEqual([]);
            for (const index of action.indexes)
              wanted[kind === "resume" ? "add" : "delete"](`demo-worker-${group}-${index}`);
            checkOnlyGroupChanged(before, cluster, group);
          } else {
            cluster = act(cluster, action.empties);
          }
          for (const spec of cluster.spec.workerGroupSpecs ?? []) checkInvariants(spec);
          const running = mustRun(cluster);
          for (const name of wanted) expect(running.has(name)).toBe(true);
          for (const name of running) expect(wanted.has(name)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("requests recorded together leave what they leave one after the other", () => {
    const request = fc.record({
      action: fc.constantFrom<Action>("resume", "suspend"),
      group: fc.constantFrom(...groupsOfTheTest),
      indexes,
    });
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 8 }),
        fc.array(request, { maxLength: 4 }),
        (asked, before) => {
          const start = slurmCluster(groupsOfTheTest.map((groupName) => ({ groupName, replicas: 0 })));
          const apply = (cluster: SlurmCluster, requests: readonly PlannedRequest[]): SlurmCluster =>
            applyPatch(cluster, buildPatch(cluster, requests)) as SlurmCluster;
          const planned = (requests: typeof asked) =>
            requests.map(({ action, group, indexes }) => ({ action, byGroup: ask({ [group]: indexes }) }));
          const given = act(apply(start, planned(before)), false);
          const single = planned(asked).reduce((cluster, each) => apply(cluster, [each]), given);
          expect(specsOf(apply(given, planned(asked)))).toEqual(specsOf(single));
        },
      ),
      { numRuns: 300 },
    );
  });

  /** A list that is missing and one that is empty say the same. */
  function specsOf({ spec }: SlurmCluster) {
    return spec.workerGroupSpecs?.map((group) => ({ podsToBeCreated: [], podsToBeDeleted: [], ...group }));
  }

  /** What an operator would keep: named as created, or running and not named as deleted. */
  function mustRun(cluster: SlurmCluster): Set<string> {
    const deleted = new Set(cluster.spec.workerGroupSpecs?.flatMap(({ podsToBeDeleted }) => podsToBeDeleted ?? []));
    const named = cluster.spec.workerGroupSpecs?.flatMap(({ groupName, podsToBeCreated }) =>
      (podsToBeCreated ?? []).map((index) => `demo-worker-${groupName}-${index}`),
    );
    return new Set(
      [...(named ?? []), ...(cluster.status?.availableWorkers ?? [])].filter((name) => !deleted.has(name)),
    );
  }

  /** An operator acts: what must run is available, and it may empty the lists. */
  function act(cluster: SlurmCluster, empties: boolean): SlurmCluster {
    const status = { availableWorkers: [...mustRun(cluster)] };
    const workerGroupSpecs = cluster.spec.workerGroupSpecs?.map((spec) =>
      empties ? { ...spec, podsToBeCreated: [], podsToBeDeleted: [] } : spec,
    );
    return { ...cluster, spec: { ...cluster.spec, workerGroupSpecs: workerGroupSpecs ?? [] }, status };
  }

  function checkInvariants(spec: WorkerGroupSpec): void {
    const created = spec.podsToBeCreated ?? [];
    const deleted = spec.podsToBeDeleted ?? [];
    expect(new Set(created).size).toBe(created.length);
    expect(new Set(deleted).size).toBe(deleted.length);
    expect(created.filter((index) => deleted.includes(`demo-worker-${spec.groupName}-${index}`))).toEqual([]);
    expect(spec.replicas).toBeGreaterThanOrEqual(0);
    expect([...created].sort((a, b) => a - b)).toEqual(created);
  }

  function checkOnlyGroupChanged(before: SlurmCluster, after: SlurmCluster, group: string): void {
    const strip = (cluster: SlurmCluster) => ({
      ...cluster,
      metadata: { ...cluster.metadata, generation: 0 },
      spec: {
        ...cluster.spec,
        workerGroupSpecs: cluster.spec.workerGroupSpecs?.map((spec) =>
          spec.groupName === group ? { ...spec, podsToBeCreated: 0, podsToBeDeleted: 0, replicas: 0 } : spec,
        ),
      },
    });
    expect(strip(after)).toEqual(strip(before));
  }

  test("R counts the members exactly when all scaling goes through requests", () => {
    const request = fc.record({ kind: fc.constantFrom("resume" as const, "suspend" as const), indexes });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 20 }), fc.nat(3), (requests, floor) => {
        let cluster = slurmCluster([{ groupName: "cpu", replicas: floor }]);
        for (const { kind, indexes: asked } of requests)
          cluster = applyPatch(cluster, patchFor(cluster, kind, ask({ cpu: asked }))) as SlurmCluster;
        const spec = cluster.spec.workerGroupSpecs?.[0];
        expect(spec?.replicas).toBe(floor + (spec?.podsToBeCreated ?? []).length);
      }),
    );
  });

  test("groupNames lists every group", () => {
    expect(groupNames(slurmCluster([{ groupName: "a" }, {}, { groupName: "b" }]))).toEqual(new Set(["a", "b"]));
  });
});
