import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ObservedPod } from "../../../src/operator/observed-pod.ts";
import { planWorkers } from "../../../src/operator/plan-workers.ts";
import { clusterOf, observedWorker, podTemplate } from "../../support/operator-manifests.ts";

interface Given {
  readonly created?: readonly number[];
  readonly deleted?: readonly number[];
  readonly replicas?: number;
  readonly pods?: readonly ObservedPod[];
}

const nameOf = (index: number) => `demo-worker-cpu-${index}`;
const managed = (index: number, changes: Partial<ObservedPod> = {}) =>
  observedWorker(index, { powerManaged: true, ...changes });
/** One that this operator made, and Slurm does not manage. */
const made = (index: number, changes: Partial<ObservedPod> = {}) =>
  observedWorker(index, { templateHash: "0123456789abcdef", ...changes });

function plan({ created = [], deleted = [], replicas = 0, pods = [] }: Given) {
  const group = {
    groupName: "cpu",
    replicas,
    podsToBeCreated: created,
    podsToBeDeleted: deleted.map(nameOf),
    template: podTemplate,
  };
  const [planned] = planWorkers(clusterOf({ workerGroupSpecs: [group] }), pods).groups;
  if (planned === undefined) throw new Error("no plan for the group");
  return {
    create: planned.create,
    remove: planned.remove.map(({ pod, reason }) => `${pod.index} ${reason}`),
    desired: planned.desired.map((name) => Number(name.replace(/.*-/, ""))),
    planned,
  };
}

describe("what is created and deleted", () => {
  test.each<[string, Given, readonly number[], readonly string[]]>([
    ["nothing asked for", {}, [], []],
    ["C is created", { created: [3, 1] }, [1, 3], []],
    ["what exists is not created again", { created: [0, 1], pods: [managed(0)] }, [1], []],
    ["R is filled with the lowest", { replicas: 3 }, [0, 1, 2], []],
    ["R is filled with live ones first", { created: [9], replicas: 2, pods: [managed(9), managed(4)] }, [], []],
    ["R counts C", { created: [5, 6], replicas: 2 }, [5, 6], []],
    ["R below C is no trim", { created: [0, 1, 2], replicas: 1, pods: [0, 1, 2].map((i) => managed(i)) }, [], []],
    ["R is not filled with what X names", { deleted: [0, 1], replicas: 2 }, [2, 3], []],
    ["X deletes", { deleted: [1], pods: [managed(0), managed(1)] }, [], ["1 NamedForDeletion"]],
    [
      "X deletes in every phase",
      {
        deleted: [0, 1, 2],
        pods: [managed(0, { phase: "Pending" }), managed(1, { phase: "Failed" }), managed(2, { phase: "Unknown" })],
      },
      [],
      ["2 NamedForDeletion", "1 NamedForDeletion", "0 NamedForDeletion"],
    ],
    ["what is being deleted is not deleted again", { deleted: [1], pods: [managed(1, { deleted: 5 })] }, [], []],
    ["what is being deleted blocks its name", { created: [1], pods: [managed(1, { deleted: 5 })] }, [], []],
    ["in both lists and not there", { created: [1], deleted: [1] }, [], []],
    ["in both lists and there", { created: [1], deleted: [1], pods: [managed(1)] }, [], []],
    ["in both lists and ended", { created: [1], deleted: [1], pods: [managed(1, { phase: "Failed" })] }, [], []],
    ["in both lists is not filled in for R either", { created: [0], deleted: [0], replicas: 1 }, [1], []],
    ["wiped lists keep what bears the mark", { pods: [managed(0), managed(3)] }, [], []],
    ["one mark keeps all", { pods: [observedWorker(0), managed(3)] }, [], []],
    ["a list that is not empty keeps all", { created: [0], pods: [observedWorker(0), observedWorker(3)] }, [], []],
    [
      "without marks and lists R is exact, highest first",
      { replicas: 1, pods: [0, 1, 2].map((i) => made(i)) },
      [],
      ["2 SurplusWorker", "1 SurplusWorker"],
    ],
    [
      "of those, what another operator made stays",
      { replicas: 1, pods: [made(0), observedWorker(1), made(2), observedWorker(3)] },
      [],
      ["2 SurplusWorker"],
    ],
    [
      "lists that another operator emptied end none of its workers",
      { pods: [observedWorker(0), observedWorker(1), observedWorker(7)] },
      [],
      [],
    ],
    [
      "X ends what another operator made",
      { deleted: [1], pods: [observedWorker(0), observedWorker(1)] },
      [],
      ["1 NamedForDeletion"],
    ],
    ["gaps are not filled while enough live", { replicas: 1, pods: [observedWorker(2)] }, [], []],
    ["a desired one that has ended", { created: [0], pods: [managed(0, { phase: "Succeeded" })] }, [], ["0 PodEnded"]],
    ["another one that has ended stays", { created: [1], pods: [managed(0, { phase: "Failed" })] }, [1], []],
    ["Pods of somebody else are not seen", { created: [0], pods: [managed(1, { owner: "other" })] }, [0], []],
    ["nor Pods without an owner", { deleted: [1], pods: [observedWorker(1, { owner: "" })] }, [], []],
  ])("%s", (_what, given, create, remove) => {
    const planned = plan(given);
    expect(planned.create).toEqual(create);
    expect(planned.remove).toEqual(remove);
  });
});

test("a group that the resource no longer has loses its workers; other Pods that look alike do not", () => {
  const cluster = clusterOf({ workerGroupSpecs: [{ groupName: "cpu", template: podTemplate }] });
  const gone = observedWorker(0, { group: "old", name: "demo-worker-old-0" });
  const { orphans } = planWorkers(cluster, [
    gone,
    { ...gone, name: "demo-worker-old-1", deleted: 4, index: 1 },
    observedWorker(0, { group: "old", name: "something-else" }),
    observedWorker(2, { group: "old", name: "demo-worker-old-2", owner: "other" }),
    observedWorker(3, { group: "old", name: "demo-worker-old-3", type: "head" }),
  ]);
  expect(orphans).toEqual([{ pod: gone, reason: "GroupRemoved" }]);
});

test("names that are not of this group, contradictions, surplus and names too long are reported", () => {
  const cluster = clusterOf(
    {
      workerGroupSpecs: [
        {
          groupName: "cpu",
          template: podTemplate,
          podsToBeCreated: [1, 1_234_567_890],
          podsToBeDeleted: ["demo-worker-gpu-0", "demo-worker-cpu-1", "demo-worker-cpu-007", "x"],
        },
      ],
    },
    { name: "a".repeat(43) },
  );
  const [planned] = planWorkers(cluster, []).groups;
  expect(planned?.contradictory).toEqual([]);
  expect(planned?.foreignNames).toHaveLength(4);
  expect(planned?.tooLong).toEqual([`${"a".repeat(43)}-worker-cpu-1234567890`]);
  expect(planned?.create).toEqual([1]);
  const seen = plan({ created: [1], deleted: [1], pods: [managed(1), managed(5), observedWorker(6)] }).planned;
  expect(seen.contradictory).toEqual([nameOf(1)]);
  expect(seen.surplus).toEqual([nameOf(5), nameOf(6)]);
  expect(seen.unmarked.map(({ name }) => name)).toEqual([nameOf(6)]);
  const foreign = plan({ replicas: 1, pods: [made(0), observedWorker(4)] }).planned;
  expect([foreign.managed, foreign.surplus]).toEqual([false, [nameOf(4)]]);
});

describe("for any lists and Pods", () => {
  const index = fc.nat(8);
  const pod = fc.record({
    phase: fc.constantFrom("Pending", "Running", "Succeeded", "Failed", "Unknown"),
    powerManaged: fc.boolean(),
    going: fc.boolean(),
    ours: fc.boolean(),
    madeByUs: fc.boolean(),
  });
  const given = fc.record({
    created: fc.array(index),
    deleted: fc.array(index),
    replicas: fc.nat(9),
    pods: fc.dictionary(index.map(String), pod).map((made) =>
      Object.entries(made).map(([key, { going, madeByUs, ours, phase, powerManaged }]) =>
        observedWorker(Number(key), {
          phase: phase as ObservedPod["phase"],
          powerManaged,
          ...(going && { deleted: 1 }),
          ...(!ours && { owner: "other" }),
          ...(madeByUs && { templateHash: "0123456789abcdef" }),
        }),
      ),
    ),
  });

  test("only what X names and C does not, what has ended, or an untouched group's surplus is deleted", () => {
    fc.assert(
      fc.property(given, (each) => {
        const { planned } = plan(each);
        const untouched =
          each.created.length + each.deleted.length === 0 &&
          !each.pods.some((p) => p.powerManaged && p.owner === "uid-of-demo");
        for (const { pod: removed, reason } of planned.remove) {
          const at = removed.index ?? -1;
          expect(removed.owner).toBe("uid-of-demo");
          expect(removed.deleted).toBeUndefined();
          expect(each.created.includes(at) && each.deleted.includes(at)).toBe(false);
          if (each.deleted.includes(at)) expect(reason).toBe("NamedForDeletion");
          else if (reason === "PodEnded") expect(["Failed", "Succeeded"]).toContain(removed.phase);
          else expect([reason, untouched, removed.templateHash]).toEqual(["SurplusWorker", true, "0123456789abcdef"]);
        }
      }),
    );
  });

  test("desired are C without X and at least R; nothing of X is desired or created; nothing is created twice", () => {
    fc.assert(
      fc.property(given, (each) => {
        const { create, desired } = plan(each);
        const wanted = each.created.filter((at) => !each.deleted.includes(at));
        for (const at of wanted) expect(desired).toContain(at);
        expect(desired.length).toBe(Math.max(new Set(wanted).size, each.replicas));
        for (const at of desired) expect(each.deleted).not.toContain(at);
        const there = new Set(each.pods.filter((p) => p.owner === "uid-of-demo").map((p) => p.index));
        for (const at of create) expect(there.has(at)).toBe(false);
        for (const at of create) expect(desired).toContain(at);
        expect(new Set(create).size).toBe(create.length);
      }),
    );
  });

  test("carrying it out ends: what follows has nothing more to do", () => {
    fc.assert(
      fc.property(given, (each) => {
        let pods = each.pods.filter((p) => p.owner === "uid-of-demo");
        for (let round = 0; round < 4; round += 1) {
          const { create, planned } = plan({ ...each, pods });
          const removed = new Set(planned.remove.map(({ pod: gone }) => gone.name));
          pods = [
            ...pods
              .filter((p) => p.deleted === undefined && !removed.has(p.name))
              .map((p) => ({ ...p, powerManaged: p.powerManaged || planned.managed })),
            ...create.map((at) => observedWorker(at, { powerManaged: planned.managed })),
          ];
        }
        const { create, planned } = plan({ ...each, pods });
        expect([create, planned.remove, planned.unmarked]).toEqual([[], [], []]);
      }),
    );
  });
});
