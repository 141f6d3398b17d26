import { describe, expect, test } from "vitest";
import { adviceFor } from "../../../src/copilot/explain/advice.ts";
import { toToldEvent } from "../../../src/copilot/explain/events.ts";
import { explain } from "../../../src/copilot/explain/explanation.ts";
import { explanationsJson } from "../../../src/copilot/explain/json.ts";
import { parseLog } from "../../../src/copilot/explain/log-history.ts";
import { podDetails } from "../../../src/copilot/explain/pod-details.ts";
import { renderExplanation } from "../../../src/copilot/explain/sentences.ts";
import { unknownNames } from "../../../src/copilot/explain/unknown-names.ts";
import type { Look } from "../../../src/copilot/inspect/look.ts";
import type { NodeSources } from "../../../src/copilot/inspect/node-sources.ts";
import { workerStatuses } from "../../../src/copilot/status/rows.ts";
import { type GivenWorker, minutesAgo, NOW } from "../../support/copilot.ts";
import { makeLook } from "../../support/look.ts";

const nothing: NodeSources = { pods: new Map(), podEvents: new Map(), clusterEvents: [], log: [], problems: [] };
const name = "demo-worker-cpu-0";
const bold = (text: string): string => text;

function lines(given: GivenWorker, sources: Partial<NodeSources> = {}, more: Partial<Look> = {}): string[] {
  const look = makeLook([given], more);
  const [status] = workerStatuses(look);
  if (status === undefined) throw new Error("there is no worker");
  return renderExplanation(explain(status, look, { ...nothing, ...sources }), look, { bold });
}

const stuck: GivenWorker = {
  state: "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP",
  wanted: true,
  pod: {
    phase: "Pending",
    ready: false,
    created: NOW - 40_000,
    failure: { code: "ImagePullBackOff", message: 'ErrImagePull: no such image "slurm:2"', since: NOW - 40_000 },
  },
};

test("a node whose Pod does not come, with its Pod, its history and what can be done", () => {
  const pod = {
    spec: { nodeName: "k8s-7" },
    status: {
      conditions: [
        { type: "PodScheduled", status: "True" },
        {
          type: "Ready",
          status: "False",
          reason: "ContainersNotReady",
          message: "containers with unready status: [slurmd]",
        },
      ],
      initContainerStatuses: [{ name: "prepare", state: { terminated: { exitCode: 0 } } }],
      containerStatuses: [
        { name: "slurmd", restartCount: 0, state: { waiting: { reason: "ErrImagePull", message: "no such image" } } },
        {
          name: "munged",
          restartCount: 2,
          state: { running: {} },
          lastState: { terminated: { reason: "Error", exitCode: 1 } },
        },
      ],
    },
  };
  const log = parseLog(`2026-11-23T19:59:18.000Z INFO  aa resume called, args [${name}]`);
  const set = "set-down demo-worker-cpu-[0-1]: is up and has no Pod (vanished-pod)";
  const clusterEvents = [
    toToldEvent({ lastTimestamp: "2026-11-23T19:40:00Z", reason: "PodGone", message: set, type: "Warning" }),
    toToldEvent({ lastTimestamp: "2026-11-23T19:41:00Z", reason: "PodGone", message: set.replace("[0-1]", "[1-2]") }),
  ];
  const podEvents = new Map([
    [
      name,
      [
        toToldEvent({
          lastTimestamp: "2026-11-23T19:59:30Z",
          reason: "Failed",
          message: "Error:\nno such image",
          count: 3,
        }),
      ],
    ],
  ]);
  expect(lines(stuck, { pods: new Map([[name, pod]]), log, clusterEvents, podEvents })).toEqual([
    "demo-worker-cpu-0",
    "  Slurm    It is alloc# (ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP) in main. Jobs are allocated to it.",
    "  Lists    podsToBeCreated names it; the operator's status does not list it.",
    "  Pod      ErrImagePull, made 40s ago, on Kubernetes node k8s-7.",
    '           It has failed for 40s: ErrImagePull: no such image "slurm:2"',
    "           slurmd: waiting (ErrImagePull: no such image)",
    "           munged: running, 2 restarts; ended before (Error: exit code 1)",
    "           Ready=False (ContainersNotReady: containers with unready status: [slurmd])",
    "  History  2026-11-23T19:40:00Z Event: PodGone: set-down demo-worker-cpu-[0-1]: is up and has no Pod (vanished-pod)",
    "           2026-11-23T19:59:18Z log: resume called, args [demo-worker-cpu-0]",
    "           2026-11-23T19:59:30Z Pod: Failed: Error: no such image (3 times)",
    "  Next     DOWN and withdrawn in 20s.",
    '           The log will say: set-down demo-worker-cpu-0: ImagePullBackOff: has a Pod that fails: ErrImagePull: no such image "slurm:2" (failing-pod)',
    "  You can  mend the cause (ImagePullBackOff: an image cannot be pulled): see that the image's name, registry and pull secret are right.",
    "           see more of its Pod:",
    "             kubectl -n hpc describe pod demo-worker-cpu-0",
  ]);
});

test("a line of an explanation is folded under itself where a terminal is narrower", () => {
  const look = makeLook([stuck]);
  const [status] = workerStatuses(look);
  const explained =
    status === undefined ? [] : renderExplanation(explain(status, look, nothing), look, { bold, width: 60 });
  expect(explained.slice(1, 4)).toEqual([
    "  Slurm    It is alloc#",
    "           (ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP) in",
    "           main. Jobs are allocated to it.",
  ]);
});

const reason = "power-agent: PodGone: is up and has no Pod [strike 2 until 2026-11-23T20:03:20Z]";
const failed: GivenWorker = {
  state: "DOWN+CLOUD+POWERED_DOWN",
  node: { reason, reasonTime: NOW / 1000 - 60, reasonUser: "slurm" },
};

test("a node that was given up: for how long, and what was decided told once though log and Event have it", () => {
  const words = "is up and has no Pod (vanished-pod)";
  const log = parseLog(`2026-11-23T19:59:18.000Z INFO  aa set-down ${name}: PodGone: ${words}`);
  const clusterEvents = [
    toToldEvent({ lastTimestamp: "2026-11-23T19:59:18Z", reason: "PodGone", message: `set-down ${name}: ${words}` }),
  ];
  expect(lines(failed, { log, clusterEvents })).toEqual([
    name,
    "  Slurm    It is down~ (DOWN+CLOUD+POWERED_DOWN) in main.",
    `           Reason for 1m, by slurm: ${reason}`,
    "           It has failed 2 times in a row; from 5 on only an admin returns it.",
    "           It stays DOWN until 2026-11-23T20:03:20Z, for 3m20s more.",
    "  Lists    Neither list names it; the operator's status does not list it.",
    "  Pod      There is none.",
    `  History  2026-11-23T19:59:18Z log: set-down ${name}: PodGone: ${words}`,
    "  Next     Returned in 3m20s.",
    `           The log will say: return ${name}: BackOffOver: is DOWN as PodGone and its back-off is over (return-to-service)`,
    "  You can  mend the cause (PodGone: there is no Pod any more): find who deleted it, in the API's audit log.",
    "           return it now, without waiting for the back-off:",
    `             scontrol update NodeName=${name} State=RESUME`,
  ]);
});

test("what is not known is said", () => {
  const copilot = { state: "does nothing", message: "Slurm is unknown: no answer from head" } as const;
  const unknown = new Set(["slurm", "resource", "pods"] as const);
  expect(lines({ wanted: true }, {}, { copilot, unknown })).toEqual([
    name,
    "  Slurm    Slurm could not be read.",
    "  Lists    The SlurmCluster could not be read.",
    "  Pod      Pods could not be listed.",
    "  History  Neither the logs nor Events tell of it.",
    "  Next     Nobody can tell: Slurm is unknown: no answer from head.",
  ]);
});

describe("what an admin can do", () => {
  const resume = `scontrol update NodeName=${name} State=RESUME`;
  const advice = (given: GivenWorker, others: readonly GivenWorker[] = [], more: Partial<Look> = {}): string[] => {
    const look = makeLook([given, ...others], more);
    return workerStatuses(look)
      .filter(({ worker }) => worker.name === name)
      .flatMap((status) => adviceFor(status, look))
      .map(({ what, command }) => (command === undefined ? what : `${what}: ${command}`));
  };

  test.each<[string, GivenWorker, string[]]>([
    ["nothing is wrong", { state: "IDLE+CLOUD", wanted: true, pod: {} }, []],
    [
      "an admin drained it",
      { state: "IDLE+CLOUD+DRAIN", wanted: true, pod: {} },
      [`end the DRAIN when you are done: ${resume}`],
    ],
    ["it is in maintenance", { state: "IDLE+CLOUD+MAINTENANCE", wanted: true, pod: {} }, []],
    [
      "an admin set it DOWN",
      { state: "DOWN+CLOUD", node: { reason: "mine" }, pod: {} },
      [`return it when its cause is mended: ${resume}`],
    ],
    [
      "it is DOWN by us and still powers down",
      { state: "DOWN+CLOUD+POWERING_DOWN", node: { reason: "power-agent: X: y" } },
      [],
    ],
    [
      "it has failed too often",
      { ...failed, node: { reason: reason.replace("strike 2", "strike 5") } },
      [expect.stringMatching(/^mend the cause \(PodGone/), `return it when its cause is mended: ${resume}`],
    ],
    [
      "no Pod is made",
      { state: "ALLOCATED+CLOUD+POWERING_UP", wanted: true },
      ["ask why the operator makes no Pod: kubectl -n hpc describe slurmcluster demo"],
    ],
    [
      "its group is unknown",
      { state: "IDLE+CLOUD", group: null },
      ["check the name, or give the SlurmCluster that group: kubectl -n hpc edit slurmcluster demo"],
    ],
  ])("when %s", (_what, given, expected) => {
    expect(advice(given)).toEqual(expected);
  });

  test("when its group is closed: look at the node for which it is", () => {
    const closed = { ...failed, node: { reason: reason.replace("PodGone", "CapacityBackOff") } };
    const cause = {
      ...failed,
      name: "demo-worker-cpu-1",
      node: { reason: reason.replace("PodGone", "Unschedulable") },
    };
    expect(advice(closed, [cause])).toEqual([
      "see why its group is closed: slurmctld-copilot explain demo-worker-cpu-1",
    ]);
    expect(advice(closed)).toEqual([`return it now: ${resume}`]);
  });

  test("when no copilot runs: start it", () => {
    const copilot = { state: "does not run", message: "nobody listens on /run/x.sock" } as const;
    expect(advice({ state: "IDLE+CLOUD", wanted: true, pod: {} }, [], { copilot })).toEqual([
      "start slurmctld-copilot beside slurmctld: without it nothing is mended",
    ]);
  });
});

test("names that nothing is known of are told with what is wrong with each kind", () => {
  const look = makeLook([{ state: "IDLE+CLOUD", wanted: true, pod: {} }]);
  const like = "nodes are named demo-worker-<group>-<index>, with a group of cpu";
  const names = [name, "demo-worker-cpu-8", "demo-worker-cpu-9", "demo-worker-gpu-0", "other-1"];
  expect(unknownNames(names, look)).toEqual([
    "demo-worker-cpu-[8-9]: neither in Slurm nor in the lists of the SlurmCluster, and there is no such Pod",
    `demo-worker-gpu-0: not the name of a worker; ${like}`,
    `other-1: not of cluster demo; ${like}`,
  ]);
  expect(unknownNames(["demo-worker-cpu-8"], { ...look, unknown: new Set(["slurm"]) })).toEqual([
    "demo-worker-cpu-8: not in what could be read",
  ]);
  // Which groups there are is not known either.
  const nothing = { ...makeLook([]), unknown: new Set(["slurm", "resource", "pods"] as const) };
  expect(unknownNames([name, "other-1"], nothing)).toEqual([
    `${name}: not in what could be read`,
    "other-1: not of cluster demo; nodes are named demo-worker-<group>-<index>",
  ]);
});

test("a text in podsToBeDeleted that is no name of a node is not told of, as it would stand in commands to be copied", () => {
  const text = "demo-worker-$(reboot)-0";
  const look = makeLook([{ name: text, group: null, unwanted: true }]);
  expect(unknownNames([text], look)).toEqual([
    `${text}: not the name of a worker; nodes are named demo-worker-<group>-<index>`,
  ]);
});

test("a Pod that says nothing of itself has no details; one that is being disrupted has", () => {
  expect(podDetails({})).toEqual({ conditions: [], containers: [] });
  const conditions = [
    { type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI", message: "drained" },
  ];
  expect(podDetails({ status: { conditions } }).conditions).toEqual([
    "DisruptionTarget=True (EvictionByEvictionAPI: drained)",
  ]);
});

test.each([
  [{ eventTime: "2026-11-23T20:00:01.5Z", series: { count: 4, lastObservedTime: "2026-11-23T20:01:00Z" } }, 60_000, 4],
  [{ eventTime: "2026-11-23T20:00:01.5Z", lastTimestamp: null }, 1500, 1],
  [{ metadata: { creationTimestamp: "2026-11-23T20:00:02Z" } }, 2000, 1],
])("an Event of any component has its last time and its count: %j", (event, after, count) => {
  expect(toToldEvent(event)).toMatchObject({ time: NOW + after, count });
});

test("as JSON: what status says of the node, and the rest as plain data", () => {
  const look = makeLook([failed]);
  const explanations = workerStatuses(look).map((status) => explain(status, look, nothing));
  expect(explanationsJson(explanations, look, ["Events cannot be read: 403"])).toMatchObject({
    seenAt: new Date(minutesAgo(0) - 3000).toISOString(),
    problems: ["Events cannot be read: 403"],
    nodes: [
      {
        name,
        slurm: { state: "down~" },
        history: [],
        next: { what: "returned" },
        advice: [{ what: expect.stringMatching(/^mend /) }, { command: expect.stringMatching(/^scontrol /) }],
      },
    ],
  });
});
