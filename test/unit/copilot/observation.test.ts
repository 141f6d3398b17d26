/** What the copilot tells of its calls and rounds. */
import { expect, test } from "vitest";
import { runLoop } from "../../../src/copilot/loop.ts";
import { type Observation, observeApi, observeScontrol } from "../../../src/copilot/observation.ts";
import type { RoundContext } from "../../../src/copilot/round.ts";
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
