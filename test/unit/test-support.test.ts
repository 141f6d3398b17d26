import { describe, expect, test } from "vitest";
import { renderSlurmConf, slurmNodeNames } from "../support/slurm-conf.ts";
import { parseSlurmNode, parseSlurmRecord } from "../support/slurm-record.ts";
import { planPods } from "../support/stand-in-plan.ts";
import { waitFor } from "../support/wait-for.ts";

describe("renderSlurmConf", () => {
  const place = { folder: "/tmp/place", port: 20000, hostName: "here" };
  const options = { clusterName: "demo", groups: { cpu: 3, gpu: 1 }, otherNodes: ["foreign-7"] };

  test("gives every node a port of its own, in the order of slurmNodeNames", () => {
    expect(slurmNodeNames(options)).toEqual([
      "demo-worker-cpu-0",
      "demo-worker-cpu-1",
      "demo-worker-cpu-2",
      "demo-worker-gpu-0",
      "foreign-7",
    ]);
    const lines = renderSlurmConf(options, place).split("\n");
    const nodes = lines.filter((line) => line.startsWith("NodeName="));
    expect(nodes.map((line) => line.replace(/ NodeHostname.* Port=(\S+) .*/, " $1"))).toEqual([
      "NodeName=demo-worker-cpu-[0-2] [20001-20003]",
      "NodeName=demo-worker-gpu-0 20004",
      "NodeName=foreign-7 20005",
    ]);
    expect(lines).toContain("SlurmctldPort=20000");
  });

  test("has no power saving without programs", () => {
    expect(renderSlurmConf(options, place)).not.toMatch(/ResumeProgram|SuspendTime/);
  });

  test("writes programs and timeouts", () => {
    const programs = { resume: "/r", suspend: "/s", resumeFail: "/f" };
    const lines = renderSlurmConf({ ...options, programs, suspendTime: 7, resumeTimeout: 9 }, place).split("\n");
    for (const line of ["ResumeProgram=/r", "SuspendProgram=/s", "ResumeFailProgram=/f", "SuspendTime=7"]) {
      expect(lines).toContain(line);
    }
    expect(lines).toContain("ResumeTimeout=9");
    expect(lines).toContain("SuspendTimeout=5");
  });

  test("makes the first partition the default, and one of all nodes when none is named", () => {
    const partitions = { small: "demo-worker-cpu-[0-2]", large: "demo-worker-gpu-0" };
    const named = renderSlurmConf({ ...options, partitions }, place);
    expect(named).toMatch(/^PartitionName=small Nodes=demo-worker-cpu-\[0-2\] Default=YES/m);
    expect(named).toMatch(/^PartitionName=large Nodes=demo-worker-gpu-0 Default=NO/m);
    expect(renderSlurmConf(options, place)).toMatch(/^PartitionName=main Nodes=ALL Default=YES/m);
  });

  test("shows powered-down nodes unless told not to, and appends further words and lines", () => {
    expect(renderSlurmConf(options, place)).toMatch(/^PrivateData=cloud$/m);
    const other = { ...options, showPoweredDownNodes: false, slurmctldParameters: ["idle_on_node_suspend"] };
    const text = renderSlurmConf({ ...other, extraLines: ["PrologFlags=Alloc"] }, place);
    expect(text).not.toContain("PrivateData");
    expect(text).toMatch(/^SlurmctldParameters=power_save_interval=1,idle_on_node_suspend$/m);
    expect(text).toMatch(/^PrologFlags=Alloc$/m);
  });
});

describe("records of scontrol -o", () => {
  // As printed by Slurm 22.05.8, shortened.
  const node =
    "NodeName=t-worker-cpu-1 Arch=x86_64 CPULoad=1.52 OS=Linux 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian  RealMemory=1 " +
    "State=DOWN+CLOUD+NOT_RESPONDING+POWERING_UP ThreadsPerCore=1 Partitions=main  BootTime=None AllocTRES= CapWatts=n/a " +
    "ExtSensorsTemp=n/s Reason=power-agent: quota exceeded State=IDLE code=403 [slurm@2026-11-23T18:21:18]";

  test("a field may hold blanks or nothing", () => {
    const fields = parseSlurmRecord(node);
    expect(fields.OS).toBe("Linux 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian");
    expect(fields.AllocTRES).toBe("");
    expect(fields.Partitions).toBe("main");
  });

  test("a node's state is Slurm's own, whatever the reason says", () => {
    const { name, state, reason } = parseSlurmNode(node);
    expect(name).toBe("t-worker-cpu-1");
    expect([...state]).toEqual(["DOWN", "CLOUD", "NOT_RESPONDING", "POWERING_UP"]);
    expect(reason).toBe("power-agent: quota exceeded State=IDLE code=403");
  });

  test("no reason is an empty one", () => {
    expect(parseSlurmNode("NodeName=a State=IDLE+CLOUD ExtSensorsTemp=n/s").reason).toBe("");
  });

  test("a job's fields have punctuation in their names", () => {
    const job = parseSlurmRecord(
      "JobId=5 JobState=PENDING Reason=BeginTime CPUs/Task=1 ReqB:S:C:T=0:0:*:* TRES=cpu=3,node=3 NodeList= NumNodes=1",
    );
    expect(job).toEqual({
      JobId: "5",
      JobState: "PENDING",
      Reason: "BeginTime",
      "CPUs/Task": "1",
      "ReqB:S:C:T": "0:0:*:*",
      TRES: "cpu=3,node=3",
      NodeList: "",
      NumNodes: "1",
    });
  });
});

describe("planPods of the stand-in", () => {
  const plan = (group: object, pods: Record<string, boolean> = {}) => {
    const { desired, create, remove } = planPods(
      { groupName: "g", ...group },
      "c-worker-g-",
      new Map(Object.entries(pods)),
    );
    return [desired, create, remove].map((names) => names.map((name) => name.replace("c-worker-g-", "")).join(" "));
  };

  test.each([
    ["nothing asked for", {}, {}, ["", "", ""]],
    ["created once", { podsToBeCreated: [2, 2, 0] }, { "c-worker-g-0": false }, ["2 0", "2", ""]],
    [
      "deleted only when named",
      { podsToBeDeleted: ["c-worker-g-1"] },
      { "c-worker-g-0": false, "c-worker-g-1": false },
      ["", "", "1"],
    ],
    ["not deleted twice", { podsToBeDeleted: ["c-worker-g-1"] }, { "c-worker-g-1": true }, ["", "", ""]],
    [
      "in both lists: left alone",
      { podsToBeCreated: [1], podsToBeDeleted: ["c-worker-g-1"] },
      { "c-worker-g-1": false },
      ["", "", ""],
    ],
    ["a terminating Pod blocks its successor", { podsToBeCreated: [1] }, { "c-worker-g-1": true }, ["1", "", ""]],
    ["floor: running first, then lowest", { replicas: 2 }, { "c-worker-g-5": false }, ["5 0", "0", ""]],
    [
      "floor: not what is to be deleted",
      { replicas: 1, podsToBeDeleted: ["c-worker-g-0"] },
      { "c-worker-g-0": false },
      ["1", "1", "0"],
    ],
    [
      "floor: never a trim",
      { replicas: 0, podsToBeCreated: [0] },
      { "c-worker-g-0": false, "c-worker-g-1": false },
      ["0", "", ""],
    ],
  ])("%s", (_case, group, pods, expected) => {
    expect(plan(group, pods)).toEqual(expected);
  });
});

describe("waitFor", () => {
  test("resolves to the state that is enough", async () => {
    let count = 0;
    expect(
      await waitFor(
        "three",
        () => ++count,
        (state) => state === 3,
        5000,
      ),
    ).toBe(3);
  });

  test("says what it saw last, sets included, and why asking failed", async () => {
    const never = waitFor(
      "a node",
      () => ({ state: new Set(["IDLE"]) }),
      () => false,
      0,
    );
    await expect(never).rejects.toThrow('waited 0 ms for a node; last seen: {"state":["IDLE"]}');
    const cause = new Error("no controller");
    const failing = waitFor(
      "a node",
      () => Promise.reject(cause),
      () => true,
      0,
    );
    await expect(failing).rejects.toMatchObject({ message: expect.stringContaining("no controller"), cause });
  });
});
