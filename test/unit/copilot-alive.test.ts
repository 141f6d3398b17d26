import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { type HttpAnswer, startHttpServer } from "../../src/http/server.ts";
import { copilotTrouble } from "../../src/programs/copilot-alive.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let socket: string;
beforeEach(() => {
  socket = join(temporaryFolder(), "copilot.sock");
});

async function serve(answer: HttpAnswer): Promise<void> {
  const server = await startHttpServer({ listen: { socket }, routes: { "/healthz": () => answer } });
  onTestFinished(() => server.close());
}

test("one that answers is alive", async () => {
  await serve({ body: "ok\n" });
  expect(await copilotTrouble(socket)).toBeUndefined();
});

test("where there is no socket none runs", async () => {
  expect(await copilotTrouble(socket)).toBe(`does not run (nobody listens on ${socket})`);
});

test("one whose rounds hang is told with what it says", async () => {
  await serve({ status: 503, body: "no round has ended for 130 s\n" });
  const said = `GET /healthz on ${socket}: 503 no round has ended for 130 s`;
  expect(await copilotTrouble(socket)).toBe(`does not answer (${said})`);
});

test("one that is frozen has its socket, and is waited for no longer than half a second", async () => {
  const listen = `require("node:http").createServer().listen(${JSON.stringify(socket)}, () => console.log("listens"))`;
  const child = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  child.kill("SIGSTOP");
  const started = performance.now();
  expect(await copilotTrouble(socket)).toBe(`does not answer (GET /healthz on ${socket}: no answer within 0.5 s)`);
  expect(performance.now() - started).toBeLessThan(1500);
});
