/**
 * `npm run cluster -- COMMAND`: a Kubernetes on this machine that stays until it is ended. See {@link usage} and cluster.ts.
 *
 * `up` leaves a process of its own behind, the keeper, which holds the cluster: when it ends, all ends.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openImageStore } from "../images/store.ts";
import { createProgress } from "../progress.ts";
import { cleanUpAtExit } from "./cleanup.ts";
import { removeRemains, startCluster } from "./cluster.ts";
import { loadImage } from "./node-images.ts";
import { findControlPlanePrograms } from "./programs.ts";

const usage = `Usage: npm run cluster -- COMMAND [--folder FOLDER]

  up            start a Kubernetes with one node on this machine; it stays until \`down\`. Needs root
  down          end it and remove all that it made
  status        nodes and Pods; exit code 1 when there is no cluster
  load IMAGE... give the node images that \`npm run images\` made
  kubeconfig    print the path of the administrator's kubeconfig, for KUBECONFIG
  kubectl       print the path of a kubectl of the same version

FOLDER, by default /var/tmp/slurm-power-agent-cluster, holds everything, logs too. Several clusters need several folders.
`;

/** What the keeper tells `up`. */
type KeeperMessage = { readonly line: string } | { readonly ready: true } | { readonly failed: string };

const logFile = (folder: string): string => `${folder}.log`;
const adminKubeconfig = (folder: string): string => join(folder, "api/admin.kubeconfig");

/** Beside the folder, so that it is there from the first moment to the last: the keeper's process id. */
const keeperFile = (folder: string): string => `${folder}.pid`;

/** The running keeper's process id; `undefined` when there is none. */
async function findKeeper(folder: string): Promise<number | undefined> {
  if (!existsSync(keeperFile(folder))) return undefined;
  const pid = Number(await readFile(keeperFile(folder), "utf8"));
  // The number may have gone to another process since.
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.split("\0").includes(folder) ? pid : undefined;
}

async function up(folder: string): Promise<void> {
  const running = await findKeeper(folder);
  if (running !== undefined) {
    throw new Error(
      `a cluster is up already in ${folder} (process ${running}): end it with \`npm run cluster -- down\``,
    );
  }
  if (existsSync(keeperFile(folder))) {
    process.stderr.write("cluster: the last one was killed: removing what it left\n");
    removeAll(folder);
  }
  if (existsSync(folder)) throw new Error(`${folder} exists, and no cluster made it: name another folder`);
  const log = openSync(logFile(folder), "w", 0o600);
  const keeper = fork(fileURLToPath(import.meta.url), ["keep", "--folder", folder], {
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  await writeFile(keeperFile(folder), String(keeper.pid), { flag: "wx" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => keeper.kill("SIGTERM"));
  const outcome = await new Promise<KeeperMessage>((done) => {
    keeper.on("message", (message: KeeperMessage) => {
      if ("line" in message) process.stderr.write(message.line);
      else done(message);
    });
    keeper.once("exit", () => done({ failed: `it was ended while starting; ${logFile(folder)} tells more` }));
  });
  if ("failed" in outcome) throw new Error(outcome.failed);
  keeper.disconnect();
  keeper.unref();
}

/** The keeper itself: until a signal ends it. */
async function keep(folder: string): Promise<void> {
  const tell = (message: KeeperMessage): void => {
    if (process.connected) process.send?.(message);
  };
  cleanUpAtExit(() => rmSync(keeperFile(folder), { force: true }));
  try {
    const cluster = await startCluster({ folder, progress: createProgress("cluster", (line) => tell({ line })) });
    const ended = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT"), once(process, "SIGHUP")]);
    tell({ ready: true });
    await ended;
    await cluster.stop();
    rmSync(logFile(folder));
  } catch (error) {
    console.error(error);
    tell({ failed: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
  if (process.connected) process.disconnect();
}

async function down(folder: string): Promise<void> {
  const keeper = await findKeeper(folder);
  if (keeper !== undefined) {
    process.kill(keeper, "SIGTERM");
    while ((await findKeeper(folder)) !== undefined) await delay(50);
  }
  // Only what a keeper left that was killed.
  if (existsSync(keeperFile(folder))) removeAll(folder);
}

function removeAll(folder: string): void {
  removeRemains(folder);
  rmSync(logFile(folder), { force: true });
  rmSync(keeperFile(folder));
}

async function demandKeeper(folder: string): Promise<void> {
  if ((await findKeeper(folder)) === undefined) {
    throw new Error(`no cluster is up in ${folder}: start one with \`npm run cluster -- up\``);
  }
}

async function kubectlProgram(): Promise<string> {
  const { kubectl } = await findControlPlanePrograms({ ...process.env, KUBEBUILDER_ASSETS: "" });
  if (kubectl === undefined) throw new Error("kubectl is missing: run `bash scripts/setup.sh kubernetes`");
  return kubectl;
}

async function status(folder: string): Promise<void> {
  await demandKeeper(folder);
  const args = [`--kubeconfig=${adminKubeconfig(folder)}`, "get", "nodes,pods", "--all-namespaces", "--output=wide"];
  const child = spawn(await kubectlProgram(), args, { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  process.exitCode = code ?? 1;
}

async function load(folder: string, images: readonly string[]): Promise<void> {
  await demandKeeper(folder);
  const progress = createProgress("cluster", (line) => process.stderr.write(line));
  const store = await openImageStore(process.env);
  for (const image of images) await progress.step(`load ${image}`, () => loadImage(store, image, folder));
}

async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { folder: { type: "string", default: "/var/tmp/slurm-power-agent-cluster" }, help: { type: "boolean" } },
  });
  const [command, ...images] = positionals;
  const folder = resolve(values.folder);
  if (values.help === true) process.stdout.write(usage);
  else if (command === "load" && images.length > 0) await load(folder, images);
  else if (images.length > 0) throw new UsageError(`unexpected ${images.join(" ")}`);
  else if (command === "up") await up(folder);
  else if (command === "keep") await keep(folder);
  else if (command === "down") await down(folder);
  else if (command === "status") await status(folder);
  else if (command === "kubeconfig") process.stdout.write(`${adminKubeconfig(folder)}\n`);
  else if (command === "kubectl") process.stdout.write(`${await kubectlProgram()}\n`);
  else throw new UsageError(command === undefined ? "a command is missing" : `unknown or incomplete: ${command}`);
}

class UsageError extends Error {}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const wrongUsage = error instanceof UsageError || (error instanceof TypeError && "code" in error);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`cluster: ${message}\n${wrongUsage ? `\n${usage}` : ""}`);
  process.exitCode = wrongUsage ? 2 : 1;
}
