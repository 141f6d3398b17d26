/** What the copilot tells of its calls, rounds and steps. */
import { describe, expect, test } from "vitest";
import type { Action } from "../../../src/copilot/action.ts";
import { runLoop } from "../../../src/copilot/loop.ts";
import { type Observation, observeApi, observeScontrol } from "../../../src/copilot/observation.ts";
import type { RoundContext } from "../../../src/copilot/round.ts";
import { createStepLog, type Setback, type ToldSteps } from "../../../src/copilot/step-log.ts";
import { KubernetesError } from "../../../src/kubernetes/errors.ts";

/** A clock that goes on by a second each time it is read. */
function ticking(): () => number {
  let time = 0;
  return () => {
    time += 1000;
    return time;
  };
}
const call = { method: "GET", path: "/", signal: AbortSignal.timeout(60_000) } as const;

test.each([
  ["ok", async () => ({}), undefined, "GET ok 1000"],
  ["a list", async () => ({}), "LIST" as const, "LIST ok 1000"],
  [
    "an error of the API",
    () => Promise.reject(new KubernetesError("Forbidden", "no")),
    undefined,
    "GET Forbidden 1000",
  ],
  ["a defect", () => Promise.reject(new TypeError("oops")), undefined, "GET Unexpected 1000"],
])("a call of the API: %s", async (_case, api, verb, expected) => {
  const seen: Observation[] = [];
  await observeApi(api, (observation) => seen.push(observation), ticking(), verb)(call).catch(() => {});
  expect(seen.map((each) => each.kind === "api-call" && `${each.verb} ${each.outcome} ${each.milliseconds}`)).toEqual([
    expected,
  ]);
});

const said = { stdout: "", message: "no" };
test.each([
  [["ping"], { ok: true, stdout: "" } as const, "ping ok"],
  [["--all", "-o", "show", "node", "a-[1-2]"], { ok: true, stdout: "" } as const, "show node ok"],
  [["update", "NodeName=a", "State=DOWN"], { ok: false, answered: true, ...said } as const, "update refused"],
  [["ping"], { ok: false, answered: false, ...said } as const, "ping no-answer"],
])("a run of scontrol %j", async (args, result, expected) => {
  const seen: Observation[] = [];
  await observeScontrol(
    async () => result,
    (observation) => seen.push(observation),
    ticking(),
  )(args);
  expect(seen.map((each) => each.kind === "scontrol-call" && `${each.command} ${each.outcome}`)).toEqual([expected]);
});

test("a defect in a round is told, and the next round comes", async () => {
  const ended = new AbortController();
  const seen: Observation[] = [];
  let rounds = 0;
  // A round first makes its scontrol; it gets no further.
  const context = {
    makeScontrol: () => {
      rounds += 1;
      throw new TypeError("oops");
    },
    log: { error: () => {} },
    observe: (observation: Observation) => seen.push(observation),
    now: ticking(),
    sleep: async () => {},
  } as unknown as RoundContext;
  const nextChange = async () => {
    if (rounds === 2) ended.abort();
  };
  await runLoop({ ...context, signal: ended.signal, nextChange, onRound: () => {} });
  expect(seen).toEqual([{ kind: "defect" }, { kind: "defect" }]);
});

describe("the log of steps", () => {
  const step = (index: number, code: "LeakedPod" | "NotWithdrawn" = "LeakedPod"): Action => ({
    kind: "suspend",
    node: `n${index}`,
    rule: "r",
    code,
    message: "m",
  });
  const cause: Setback = { level: "error", cause: "Forbidden", line: (names) => `suspend of ${names} failed: 403` };

  /** A log of rounds that are ten seconds apart; gives what each of them has logged. */
  function makeRounds() {
    let told: ToldSteps = new Map();
    let time = 0;
    return (actions: readonly Action[], outcome: Setback | "done" | "none", dryRun = false): string[] => {
      const lines: string[] = [];
      const tell = (level: string) => (line: string) => lines.push(`${level} ${line}`);
      const log = { info: tell("info"), warn: tell("warn"), error: tell("error") } as unknown as RoundContext["log"];
      const steps = createStepLog(log, () => time, told);
      steps.decided(actions, dryRun);
      if (outcome === "done") steps.done(actions);
      else if (outcome !== "none") steps.failed(actions, outcome);
      told = steps.told();
      time += 10_000;
      return lines;
    };
  }

  test("a thousand steps that fail in each round are told once, and again after ten minutes with a count", () => {
    const round = makeRounds();
    const all = Array.from({ length: 1000 }, (_, index) => step(index));
    const decisions = all.map(({ node }) => `info suspend ${node}: LeakedPod: m (r)`);
    expect(round(all, cause)).toEqual([...decisions, "error suspend of n[0-999] failed: 403"]);
    for (let second = 10; second < 600; second += 10) expect(round(all, cause)).toEqual([]);
    const again = "error suspend of n[0-999] failed: 403 (and so 59 times since this was last told)";
    expect(round(all, cause)).toEqual([...decisions, again]);
    expect(round(all, cause)).toEqual([]);
    expect(round(all, "done")).toEqual(["info suspend of n[0-999] done, after 62 rounds in which it was not"]);
  });

  test.each<[string, readonly Action[], Setback | "done" | "none", string[]]>([
    [
      "another node",
      [step(0), step(1)],
      cause,
      ["info suspend n1: LeakedPod: m (r)", "error suspend of n1 failed: 403"],
    ],
    [
      "another reason",
      [step(0, "NotWithdrawn")],
      cause,
      ["info suspend n0: NotWithdrawn: m (r)", "error suspend of n0 failed: 403"],
    ],
    ["another setback", [step(0)], { ...cause, cause: "Timeout" }, ["error suspend of n0 failed: 403"]],
    ["other words for the same setback", [step(0)], { ...cause, line: () => "given up after 4 tries" }, []],
    ["that it was done after all", [step(0)], "done", ["info suspend of n0 done, after a round in which it was not"]],
  ])("what is new in the next round is told: %s", (_what, actions, outcome, lines) => {
    const round = makeRounds();
    round([step(0)], cause);
    expect(round(actions, outcome)).toEqual(lines);
  });

  test.each<[string, readonly Action[], "done" | "none"]>([
    ["was done", [step(0)], "done"],
    ["was not decided", [], "none"],
  ])("what %s in between is told again", (_what, actions, outcome) => {
    const round = makeRounds();
    round([step(0)], cause);
    round(actions, outcome);
    expect(round([step(0)], cause)).toHaveLength(2);
  });

  test("a dry run tells once what it would do", () => {
    const round = makeRounds();
    expect(round([step(0)], "none", true)).toEqual(["info would suspend n0: LeakedPod: m (r)"]);
    expect(round([step(0)], "none", true)).toEqual([]);
  });
});
