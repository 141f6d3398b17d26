import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { buildWorker } from "../../src/operator/build/worker.ts";
import { toOperatedCluster } from "../../src/operator/operated-cluster.ts";
import { parseNodeName } from "../../src/slurm/node-name.ts";
import { applyAgentRole } from "../support/agent-role.ts";
import { type ChartCluster, patience, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { type HeldJobs, heldJobs } from "../support/held-jobs.ts";
import type { ClusterObject } from "../support/stand-in-api.ts";
import { startStandInOperator } from "../support/stand-in-operator.ts";
import type { WorkerGroup } from "../support/stand-in-plan.ts";
import { untilSlurmctldAnswers } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const size = { cpus: 1, memory: "1Gi", requests: { cpu: "10m", memory: "64Mi" } };
const groupNames = new Set(["cpu", "big"]);
const name = "demo";
const account = `system:serviceaccount:default:${name}`;

/** Which operator; the first one leaves in the lists what the second one then finds. */
const operators = [
  { what: "an operator that never empties the lists", emptiesLists: false },
  { what: "an operator that empties the lists after acting", emptiesLists: true },
];

// Each test goes on where the one before ended.
describeHelmCluster(`the agent alone, with the documented Role and no more (${inject("suite")})`, () => {
  let demo: ChartCluster;
  let jobs: HeldJobs;

  // The charts' head, but without our operator, and with the rights of deploy/rbac/agent.yaml in place of those that it gave.
  beforeAll(async () => {
    demo = await startChartCluster(name, {
      workerGroups: [
        { name: "cpu", maxNodes: 4, ...size },
        { name: "big", maxNodes: 2, ...size },
      ],
      slurm: { suspendTime: 8, suspendTimeout: 20 },
    });
    jobs = heldJobs(demo);
    const { api, kubectl } = demo.cluster;
    await kubectl(["scale", "deployment", "slurm-operator", "--replicas=0"]);
    const operatorPods = ["get", "pods", "--selector=app.kubernetes.io/name=slurm-operator", "--output=name"];
    await waitFor(
      "the operator to be gone",
      () => kubectl(operatorPods),
      (names) => names === "",
      patience,
    );
    await kubectl(["delete", "role,rolebinding", name, `${name}-copilot`]);
    await applyAgentRole(api, { namespace: "default", cluster: name });
    // A watch that is open outlives the right to it, so the copilot must not keep one from before.
    await kubectl(["delete", "pod", `${name}-0`]);
    await untilSlurmctldAnswers(demo.cluster, name);
  });
  afterAll(() => demo?.cluster.stop());

  const cluster = async (): Promise<ClusterObject> =>
    JSON.parse(await demo.cluster.kubectl(["get", "slurmcluster", name, "--output=json"])) as ClusterObject;
  const group = async (groupName: string): Promise<WorkerGroup> => {
    const found = (await cluster()).spec.workerGroupSpecs?.find((each) => each.groupName === groupName);
    if (found === undefined) throw new Error(`there is no group ${groupName}`);
    return found;
  };
  const replicas = async () => [(await group("cpu")).replicas ?? 0, (await group("big")).replicas ?? 0];
  const untilReplicas = (...wanted: readonly number[]): Promise<unknown> =>
    waitFor(`replicas ${wanted.join()}`, replicas, (found) => found.join() === wanted.join(), patience);

  test("what the Role does not give is refused", async () => {
    const may = async (...what: readonly string[]): Promise<string> =>
      demo.cluster.kubectl(["auth", "can-i", ...what, `--as=${account}`]).catch((error: unknown) => {
        // kubectl says no with an exit code too.
        const { stdout } = error as { stdout?: string };
        if (stdout?.startsWith("no") !== true) throw error;
        return stdout;
      });
    expect(await may("patch", `slurmclusters/${name}`)).toBe("yes\n");
    expect(await may("patch", "slurmclusters/other")).toBe("no\n");
    for (const verb of ["get", "list", "watch", "create", "delete"]) expect(await may(verb, "pods")).toBe("no\n");
    expect(await may("create", "events")).toBe("no\n");
  });

  describe.each(operators)("$what", ({ emptiesLists }) => {
    let operator: ReturnType<typeof startStandInOperator>;
    let unwatch: () => void;
    /** Every version of the resource that there was. */
    const versions: ClusterObject[] = [];
    const created: string[] = [];
    beforeAll(() => {
      const { api } = demo.cluster;
      operator = startStandInOperator({
        controlPlane: api,
        namespace: "default",
        clusterName: name,
        emptiesLists,
        makePod: (pod, object) => {
          const owner = toOperatedCluster(object);
          const parsed = parseNodeName(pod, name, groupNames);
          if (owner === undefined || parsed.refusal !== undefined) throw new Error(`cannot make a Pod of ${pod}`);
          const found = owner.groups.find((each) => each.name === parsed.group);
          if (found === undefined) throw new Error(`there is no group ${parsed.group}`);
          created.push(pod);
          return buildWorker(owner, found, parsed.index, true, { clusterDomain: "cluster.local" });
        },
        log: (message) => process.stderr.write(`operator: ${message}\n`),
      });
      unwatch = demo.watchResource((version) => versions.push(version));
    });
    afterAll(async () => {
      unwatch?.();
      await operator?.stop();
    });

    const all = ["demo-worker-big-0", "demo-worker-cpu-0", "demo-worker-cpu-1"];
    /** Two jobs, one on a node of the first group, one on a node of each; when both run all three workers are there. */
    const startBoth = async (): Promise<readonly [string, string]> => {
      created.length = 0;
      const one = await jobs.submit("--nodes=1", "--constraint=cpu");
      const two = await jobs.submit("--nodes=2", "--constraint=[cpu*1&big*1]");
      await jobs.until(one, "RUNNING");
      await jobs.until(two, "RUNNING");
      expect(await demo.workerPods()).toEqual(all);
      expect(await replicas()).toEqual([2, 1]);
      return [one, two];
    };
    const finish = async (job: string): Promise<void> => {
      await jobs.release(job);
      expect(await jobs.until(job, "COMPLETED")).toMatchObject({ Restarts: "0" });
    };
    const untilNothingIsUp = async (): Promise<void> => {
      await demo.untilWorkers();
      await untilReplicas(0, 0);
      await waitFor(
        "all nodes to be parked",
        () => demo.inHead("sinfo", "--noheader", "--format=%T"),
        (states) => states === "idle~\n",
        patience,
      );
      // Each was made once: no worker came that nobody asked for, and none came twice.
      expect(created.toSorted()).toEqual(all);
    };

    test("from no worker to three of two groups, to one whose job runs on, and back to none", async () => {
      const [one, two] = await startBoth();
      const uid = await demo.podUid("demo-worker-cpu-0");
      await finish(two);
      await demo.untilWorkers("demo-worker-cpu-0");
      await untilReplicas(1, 0);
      expect(await jobs.show(one)).toMatchObject({ JobState: "RUNNING", NodeList: "demo-worker-cpu-0" });
      expect(await demo.podUid("demo-worker-cpu-0")).toBe(uid);
      await finish(one);
      await untilNothingIsUp();
    });

    test("the same workers again, which all go at once", async () => {
      for (const job of await startBoth()) await finish(job);
      await untilNothingIsUp();
    });

    test("in no version of the resource do the lists contradict or repeat themselves, or name more than there is", () => {
      const groups = versions.flatMap(({ spec }) => spec.workerGroupSpecs ?? []);
      expect(groups.some(({ podsToBeCreated = [] }) => podsToBeCreated.length > 0)).toBe(true);
      for (const { groupName, podsToBeCreated = [], podsToBeDeleted = [] } of groups) {
        const names = [...podsToBeCreated.map((index) => `${name}-worker-${groupName}-${index}`), ...podsToBeDeleted];
        expect(new Set(names).size).toBe(names.length);
        // Of the 4 and 2 nodes that there are no job ever used more than this.
        expect(names.length).toBeLessThanOrEqual(groupName === "cpu" ? 2 : 1);
      }
    });

    test("afterwards the lists are short", async () => {
      for (const groupName of groupNames) {
        const { podsToBeCreated = [], podsToBeDeleted = [] } = await group(groupName);
        expect(podsToBeCreated).toEqual([]);
        const names = groupName === "cpu" ? ["demo-worker-cpu-0", "demo-worker-cpu-1"] : ["demo-worker-big-0"];
        expect(podsToBeDeleted).toEqual(emptiesLists ? [] : names);
      }
    });
  });

  test("the copilot says once which right it lacks, and changes nothing; its check says what to do", async () => {
    const log = await demo.inHead("cat", "/var/log/slurm-resume.log");
    const complaints = log.split("\n").filter((line) => line.includes("cannot be watched"));
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(
      / WARN .*its Pods cannot be watched: .*pods is forbidden.*cannot list resource "pods"/,
    );
    expect(log).not.toContain("defect");
    const check = await demo.inHead("slurmctld-copilot", "check").catch((error: { stdout?: string }) => error.stdout);
    expect(check).toContain("deploy/rbac/copilot.yaml");
  });
});
