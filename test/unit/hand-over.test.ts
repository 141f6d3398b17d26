import { access, chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { handOver } from "../../src/copilot/hand-over.ts";
import { type HttpServer, startHttpServer } from "../../src/http/server.ts";
import { type RecordRequest, TransactionError } from "../../src/scaling/transaction.ts";
import { waitFor } from "../support/wait-for.ts";

let folder: string;
let server: HttpServer | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hand-over-"));
  const settings = { namespace: "default", cluster: "demo", scontrol: path("scontrol"), resumeLog: path("resume.log") };
  await writeFile(path("power-agent.yaml"), JSON.stringify(settings));
  // Says that the node powers up, and that it was asked.
  await writeFile(
    path("scontrol"),
    `#!/bin/sh\n: >>${path("asked")}\necho "NodeName=demo-worker-cpu-0 State=IDLE+POWERING_UP"\n`,
  );
  await chmod(path("scontrol"), 0o755);
});
afterEach(async () => {
  await server?.close();
  await rm(folder, { recursive: true });
});

const path = (name: string) => join(folder, name);

/** Serves with this way of recording; sends a request for one node, and gives its answer and a way to leave before it comes. */
async function send(record: RecordRequest) {
  const confFile = path("slurm.conf");
  const power = handOver({
    env: { SLURM_CONF: confFile },
    system: {
      now: Date.now,
      random: () => 0,
      sleep: async () => {},
      print: () => {},
      interactive: false,
      onTerminate: () => {},
      record,
    },
    objection: async () => undefined,
  });
  server = await startHttpServer({ listen: { socket: path("socket") }, routes: { "/v1/power": power } });
  const form = new URLSearchParams({ verb: "resume", hostlist: "demo-worker-cpu-0", conf: confFile });
  const outgoing = request({ socketPath: path("socket"), path: "/v1/power", method: "POST" });
  const answer = new Promise<string>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", async (incoming) => resolve((await incoming.toArray()).join("")));
  });
  outgoing.end(String(form));
  return { answer, leave: () => outgoing.destroy() };
}

const refused = () =>
  new TransactionError("the certificate is not trusted", { cause: undefined, kind: "Tls", final: true });
const finished = (log: string) => log.includes("resume finished");

test("Slurm is told of a failure while the script waits", async () => {
  const { answer } = await send(() => Promise.reject(refused()));
  expect(await answer).toBe("1");
  await access(path("asked"));
});

test("a script that has left runs the program: Slurm is not told of what fails here, nothing is recorded", async () => {
  const recording = Promise.withResolvers<void>();
  const { answer, leave } = await send(async ({ stillMeant, names }) => {
    expect(await stillMeant(names)).toEqual(["demo-worker-cpu-0"]);
    recording.resolve();
    await waitFor(
      "nothing to be meant",
      () => stillMeant(names),
      (meant) => meant.length === 0,
      10_000,
    );
    throw refused();
  });
  await recording.promise;
  leave();
  await expect(answer).rejects.toThrow("socket hang up");
  const log = await waitFor("the run to end", () => readFile(path("resume.log"), "utf8"), finished, 10_000);
  expect(log).toContain("nobody waits for this run any more: slurm-resume tells Slurm what is to be told");
  await expect(access(path("asked"))).rejects.toMatchObject({ code: "ENOENT" });
});
