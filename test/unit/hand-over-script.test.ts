/** src/hooks/hand-over.pl, which hook scripts hand their requests over with: beside a server that may answer anything. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { startHttpServer } from "../../src/http/server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const script = join(import.meta.dirname, "../../src/hooks/hand-over.pl");
const run = promisify(execFile);

/** Exit code and output of the script. */
async function handOver(
  socket: string,
  hostlist: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; output: string }> {
  try {
    const { stdout } = await run("/usr/bin/perl", [script, socket, "resume", hostlist], { env });
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    expect(stderr).toBe("");
    return { code, output: stdout };
  }
}

/** A server that sends these pieces to whoever connects, and ends the connection. */
function startAnswering(pieces: readonly string[]): Promise<string> {
  return startServer((connection) => {
    for (const piece of pieces) connection.write(piece);
    connection.end();
  });
}

/** A server that does this with whoever connects and has said something. */
async function startServer(answer: (connection: Socket) => void): Promise<string> {
  const socket = join(temporaryFolder(), "socket");
  const server = createServer((connection) => {
    connection.on("error", () => {});
    connection.once("data", () => answer(connection));
  });
  onTestFinished(() => void server.close());
  await once(server.listen(socket), "listening");
  return socket;
}

test("it compiles without a warning", async () => {
  const { stderr } = await run("/usr/bin/perl", ["-Mstrict", "-Mwarnings", "-c", script]);
  expect(stderr).toBe(`${script} syntax OK\n`);
});

test("what it sends is what the copilot reads", async () => {
  const folder = temporaryFolder();
  const socket = join(folder, "socket");
  const forms: URLSearchParams[] = [];
  const server = await startHttpServer({
    listen: { socket },
    routes: {
      "/v1/power": async (request) => {
        const body = (await request.setEncoding("utf8").toArray()).join("");
        forms.push(new URLSearchParams(body));
        return { body: "1" };
      },
    },
  });
  onTestFinished(() => server.close());
  const resumeFile = join(folder, "resume file.json");
  // Larger than what a socket holds, and with all that has a meaning in a form.
  const text = `${JSON.stringify({ comment: "100 % é & = + ;\n", filler: "x".repeat(1 << 20) })}\n`;
  await writeFile(resumeFile, text);
  const env = { SLURM_CONF: "/etc/my slurm/slurm.conf", SLURM_RESUME_FILE: resumeFile };
  expect(await handOver(socket, "demo-worker-cpu-[0-3,7]", env)).toEqual({ code: 0, output: "1" });
  expect(await handOver(socket, "a+b%20&verb=suspend")).toEqual({ code: 0, output: "1" });
  expect(forms.map((form) => Object.fromEntries(form))).toEqual([
    { verb: "resume", hostlist: "demo-worker-cpu-[0-3,7]", conf: env.SLURM_CONF, resumeFile: text },
    { verb: "resume", hostlist: "a+b%20&verb=suspend", conf: "" },
  ]);
});

test.each([
  ["in pieces", ["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 1\r\n\r\n", "2"], { code: 0, output: "2" }],
  ["another status", ["HTTP/1.1 409 Conflict\r\n\r\n0"], { code: 1, output: "" }],
  ["half of one", ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"], { code: 1, output: "" }],
  ["what is no exit code", ["HTTP/1.1 200 OK\r\n\r\n7"], { code: 1, output: "" }],
  ["more than an exit code", ["HTTP/1.1 200 OK\r\n\r\n0 or so"], { code: 1, output: "" }],
  ["nothing", [], { code: 1, output: "" }],
] as const)("an answer: %s", async (_what, pieces, expected) => {
  expect(await handOver(await startAnswering(pieces), "a")).toEqual(expected);
});

test("no socket, no resume file", async () => {
  expect(await handOver("/nonexistent/socket", "a")).toEqual({ code: 1, output: "" });
  const socket = await startAnswering(["HTTP/1.1 200 OK\r\n\r\n0"]);
  expect(await handOver(socket, "a", { SLURM_RESUME_FILE: "/nonexistent/file" })).toEqual({ code: 1, output: "" });
});

test.each<[string, (connection: Socket) => void]>([
  ["says nothing", () => {}],
  [
    "never comes to an end",
    (connection) => {
      const dripping = setInterval(() => connection.write("H"), 100);
      connection.once("close", () => clearInterval(dripping));
    },
  ],
])("a server that %s is not waited for", async (_title, answer) => {
  expect(await handOver(await startServer(answer), "demo-worker-cpu-0")).toEqual({ code: 1, output: "" });
});
