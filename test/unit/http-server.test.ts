import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SocketInUseError, startHttpServer } from "../../src/http/server.ts";
import { getFromSocket } from "../../src/http/unix-client.ts";
import { isAnswered } from "../../src/http/unix-socket.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "http-server-"));
});
afterEach(() => rm(folder, { recursive: true }));

const start = (socket: string) => startHttpServer({ listen: { socket }, routes: { "/": () => ({ body: "hello\n" }) } });

test("a socket is for its owner alone, from one server at a time, and goes with it", async () => {
  const socket = join(folder, "socket");
  const umask = process.umask();
  const server = await start(socket);
  expect((await stat(socket)).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(umask);
  expect(await getFromSocket(socket, "/")).toBe("hello\n");
  await expect(start(socket)).rejects.toThrow(SocketInUseError);
  await server.close();
  await expect(stat(socket)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a socket that a killed process left behind is replaced", async () => {
  const socket = join(folder, "socket");
  const listen = `require("node:net").createServer().listen(${JSON.stringify(socket)}, () => console.log("listens"))`;
  const child = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  expect(await isAnswered(socket)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await isAnswered(socket)).toBe(false);
  const server = await start(socket);
  expect(await getFromSocket(socket, "/")).toBe("hello\n");
  await server.close();
});

test("a file at the socket's path is left as it is", async () => {
  const file = join(folder, "slurm.conf");
  await writeFile(file, "ClusterName=demo\n");
  await expect(start(file)).rejects.toThrow(`${file} is there and is no socket`);
  expect(await readFile(file, "utf8")).toBe("ClusterName=demo\n");
});
