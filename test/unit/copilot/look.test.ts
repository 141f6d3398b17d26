import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { decide, emptyMemory } from "../../../src/copilot/decide.ts";
import { type Look, lookAtEverything } from "../../../src/copilot/inspect/look.ts";
import { type CopilotView, encodeView } from "../../../src/copilot/view.ts";
import { startHttpServer } from "../../../src/http/server.ts";
import { KubernetesError } from "../../../src/kubernetes/errors.ts";
import type { Api } from "../../../src/kubernetes/request.ts";
import type { Scontrol } from "../../../src/slurm/scontrol.ts";
import { version } from "../../../src/version.ts";
import { makeSnapshot, NOW, SETTINGS } from "../../support/copilot.ts";
import { fixture } from "../../support/slurm-fixture.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** What the copilot of demo knew three seconds ago: one worker that is up. */
function viewOf(given: Partial<CopilotView> = {}): CopilotView {
  const snapshot = makeSnapshot({ state: "IDLE+CLOUD", pod: {}, wanted: true });
  const at = NOW - 3000;
  const { memory } = decide(snapshot, emptyMemory, SETTINGS, at);
  const last = { snapshot, at, settings: SETTINGS, heldBack: 0, resumeTimeout: 600 };
  return { version, startedAt: at, roundAt: at, settingsProblems: ["from the copilot"], memory, last, ...given };
}

/** Slurm as it was recorded, whose workers are those of demo. */
const scontrol: Scontrol = async (args) => {
  const question = args.filter((word) => !word.startsWith("-")).join("-");
  return { ok: true, stdout: fixture("22.05", question) };
};
const deaf: Scontrol = async () => ({ ok: false, stdout: "", message: "scontrol not found", answered: false });

const pod = { metadata: { name: "demo-worker-drained-0", uid: "u", creationTimestamp: "2026-11-23T19:00:00Z" } };
const resource = {
  metadata: { name: "demo", namespace: "hpc", uid: "c", generation: 1 },
  spec: { workerGroupSpecs: [{ groupName: "drained", podsToBeCreated: [0] }] },
};
const api: Api = async ({ path }) =>
  path.includes("/pods?") ? { metadata: { resourceVersion: "1" }, items: [pod] } : resource;
const withoutPods: Api = async (request) => {
  if (request.path.includes("/pods?")) throw new KubernetesError("Forbidden", "pods is forbidden");
  return api(request);
};

/** A look where this copilot listens: a view, the text of an answer, or none at all. */
async function look(answer?: CopilotView | string, given: object = {}): Promise<Look> {
  const socket = join(temporaryFolder(), "copilot.sock");
  if (answer !== undefined) {
    const body = typeof answer === "string" ? answer : encodeView(answer);
    const server = await startHttpServer({ listen: { socket }, routes: { "/v1/view": () => ({ body }) } });
    onTestFinished(() => server.close());
  }
  return lookAtEverything({
    cluster: { namespace: "hpc", name: "demo" },
    socket,
    api,
    scontrol,
    limits: {},
    settingsProblems: ["read here"],
    now: () => NOW,
    signal: AbortSignal.timeout(20_000),
    onProgress: () => {},
    ...given,
  });
}

test("a copilot that runs tells what it saw, since when, and by which settings; nothing else is asked", async () => {
  expect(await look(viewOf(), { scontrol: deaf, api: withoutPods })).toMatchObject({
    copilot: { state: "runs" },
    at: NOW - 3000,
    seenByCopilot: true,
    snapshot: viewOf().last?.snapshot,
    memory: viewOf().memory,
    problems: [],
    settingsProblems: ["from the copilot"],
  });
});

test.each<[string, Partial<CopilotView>, string]>([
  ["cannot read Slurm", { problem: "Slurm is unknown: no answer" }, "Slurm is unknown: no answer"],
  ["hangs", { roundAt: NOW - 300_000 }, "no round has ended for 300 s"],
])("one that %s tells what it saw before", async (_what, given, message) => {
  expect(await look(viewOf(given))).toMatchObject({
    copilot: { state: "does nothing", message },
    seenByCopilot: true,
    problems: [message],
  });
});

describe("everything is read here", () => {
  const [running] = [viewOf()];
  const { last: _, ...beginning } = running;
  const other = makeSnapshot();
  test.each<[string, CopilotView | string | undefined, object]>([
    ["where none runs", undefined, { state: "does not run", message: expect.stringMatching(/^nobody listens on \//) }],
    [
      "where one stands by",
      viewOf({ standby: "slurmctld serves on head-1" }),
      { state: "stands by", message: "slurmctld serves on head-1" },
    ],
    ["before its first round", beginning, { state: "does nothing", message: "its first round is under way" }],
    [
      "where one of another cluster listens",
      viewOf({ last: { ...running.last, snapshot: { ...other, cluster: "demo2" } } as never }),
      { state: "does not run", message: expect.stringMatching(/is that of demo2$/) },
    ],
    [
      "where one of another version listens",
      viewOf({ version: "0.0.1" }),
      { state: "does not answer", message: expect.stringMatching(/is of version 0\.0\.1, this is .*: restart it$/) },
    ],
    [
      "where one answers with something else",
      "<html>",
      { state: "does not answer", message: expect.stringMatching(/cannot be asked: .*not valid JSON/) },
    ],
  ])("%s", async (_what, answer, copilot) => {
    const seen = await look(answer);
    expect(seen).toMatchObject({
      copilot,
      seenByCopilot: false,
      at: NOW,
      problems: [],
      settingsProblems: ["read here"],
    });
    expect(seen.unknown).toEqual(new Set());
    expect(seen.snapshot.workers.get("demo-worker-drained-0")).toMatchObject({
      wanted: true,
      pod: { uid: "u" },
      node: { reason: expect.any(String) },
    });
  });

  test("and what cannot be read is said, while the rest is there", async () => {
    const seen = await look(undefined, { scontrol: deaf, api: withoutPods });
    expect(seen.problems).toEqual([
      "Slurm is unknown: scontrol ping: scontrol not found",
      "its Pods cannot be listed: pods is forbidden",
    ]);
    expect(seen.unknown).toEqual(new Set(["slurm", "pods"]));
    expect([...seen.snapshot.workers.values()]).toEqual([
      { name: "demo-worker-drained-0", group: "drained", wanted: true, unwanted: false, available: false },
    ]);
  });

  test("also where a process that was killed left its socket behind", async () => {
    const socket = join(temporaryFolder(), "copilot.sock");
    writeFileSync(socket, "");
    expect((await look(undefined, { socket })).copilot.state).toBe("does not run");
  });
});
