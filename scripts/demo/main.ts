/**
 * `npm run demo`: the autoscaling section of the SlurmCluster documentation, live. See {@link usage} for the ways to see it,
 * {@link autoscalingSteps} for what happens, and local-place.ts, own-place.ts and quick-environment.ts for where.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { accessSync, chmodSync, constants as fileConstants, mkdtempSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { type Helm, prepareHelm } from "../charts/helm.ts";
import { cleanUpAtExit } from "../cluster/cleanup.ts";
import { findControlPlanePrograms } from "../cluster/programs.ts";
import { missingRequirements } from "../cluster/requirements.ts";
import { createClusterEnvironment } from "./cluster-environment.ts";
import type { Environment } from "./environment.ts";
import { startLocalPlace } from "./local-place.ts";
import { manifestSuite } from "./manifest-installer.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { makeOwnPlace } from "./own-place.ts";
import { startQuickEnvironment } from "./quick-environment.ts";
import { messageOf, runSteps } from "./run-steps.ts";
import { createScreen, type Screen } from "./screen.ts";
import { readValues } from "./values.ts";

type Shown = Exclude<Options, { readonly mode: "help" }>;

const introduction = "A job wakes a parked Slurm node; when the node is idle again, it is parked again.";

/** What is real, in each mode. */
const realities: Record<Shown["mode"], readonly string[]> = {
  quick: [
    "Real: etcd and kube-apiserver, munged and slurmctld, the slurmd of the node, the job, and slurm-resume and slurm-suspend, which slurmctld itself runs as user slurm with the documented Role's token.",
    "Not real: the operator and the kubelet. A small stand-in makes and deletes the Pods that the SlurmCluster asks for, and runs the real slurmd of each Pod on this machine instead of in a container.",
  ],
  local: [
    "All of it is real: a Kubernetes with one node on this machine, the operator, the head and the worker in Pods, installed by the charts. Commands are run in the head by kubectl exec.",
  ],
  own: ["All of it happens in your cluster, in a namespace of its own. Commands are run in the head by kubectl exec."],
};

async function main(options: Shown, screen: Screen): Promise<0 | 1> {
  if (options.mode !== "own" && (process.platform !== "linux" || process.getuid?.() !== 0)) {
    screen.failed(
      "the demo on this machine needs Linux and root: it makes namespaces and mounts, and starts other users' daemons",
    );
    screen.note("With a Kubernetes of your own: npm run demo -- --context NAME --registry REPO");
    return 1;
  }
  for (const paragraph of [introduction, "", ...realities[options.mode]]) screen.say(paragraph);
  // Not in $TMPDIR, which may be too long: the path of a Unix socket has 107 bytes at most, and Slurm's are long already.
  const folder = mkdtempSync("/tmp/slurm-demo-");
  // Registered first, so that it is done last, when nobody writes into the folder any more.
  cleanUpAtExit(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  // slurmctld's programs, run as user slurm, must get in.
  chmodSync(folder, 0o755);
  // Whatever is started from here on makes its temporary folders in ours, so that one removal removes all.
  process.env.TMPDIR = folder;
  screen.say(`Everything, logs too, is in ${placesOf(options, folder).join(" and ")} until the end.`);

  let happened = false;
  let gone: string;
  try {
    const { context, steps, logs, stop, leave } = await prepare(options, folder, screen);
    happened = await runSteps(steps, context, { screen, now: () => performance.now(), logs });
    if (happened) screen.step(`All ${steps.length} steps happened.`);
    if (happened && leave !== undefined) {
      leave();
      return 0;
    }
    screen.step("Clean up");
    gone = await screen.waiting("all to end", 120_000, stop());
  } catch (error) {
    screen.failed(messageOf(error));
    return 1;
  }
  rmSync(folder, { recursive: true });
  screen.proven(`${gone}, and nothing is left in ${placesOf(options, folder).join(" and ")}`);
  return happened ? 0 : 1;
}

/** Folders of the demo: for small things, and, as the node's programs must not lie in /tmp, that of the cluster. */
function placesOf({ mode, ...rest }: Shown, folder: string): string[] {
  const held = mode === "local" && "keep" in rest && !rest.keep;
  return held ? [folder, clusterFolderOf(folder)] : [folder];
}

const clusterFolderOf = (folder: string): string => join("/var/tmp", basename(folder));

/** Starts and makes all that the steps need. */
async function prepare(options: Shown, folder: string, screen: Screen): Promise<Environment> {
  if (options.mode === "quick") {
    await setUp("slurm", "kubernetes");
    return startQuickEnvironment(folder, screen);
  }
  const { keep } = options;
  if (options.mode === "own") {
    const helm = await prepareHelm();
    if (helm.program === undefined) throw new Error(`--context needs helm: ${helm.missing}`);
    const namespace = `slurm-demo-${randomBytes(3).toString("hex")}`;
    const images = { repository: options.registry, suite: options.suite ?? "trixie" };
    const place = await makeOwnPlace(
      { program: await findKubectl(), context: options.context, keep, namespace, images },
      screen,
    );
    return createClusterEnvironment(place, helm, await readValues(), screen);
  }
  await setUp("cluster");
  const missing = await missingRequirements();
  if (missing.length > 0) throw new Error(`this machine cannot run the local cluster: ${missing.join("; ")}`);
  const helm = await prepareHelm();
  const suite = options.suite ?? (helm.program === undefined ? manifestSuite : "trixie");
  refuseWithoutHelm(helm, suite, screen);
  const place = await startLocalPlace(
    { suite, keep, clusterFolder: clusterFolderOf(folder), home: join(folder, "home") },
    screen,
  );
  return createClusterEnvironment(place, helm, await readValues(), screen);
}

function refuseWithoutHelm(helm: Helm, suite: string, screen: Screen): void {
  if (helm.program !== undefined) return;
  if (suite !== manifestSuite) {
    throw new Error(`--suite ${suite} needs helm, as deploy/manifests are for ${manifestSuite}: ${helm.missing}`);
  }
  screen.say(`${helm.missing}\nThe plain manifests of deploy/manifests are applied instead of the charts.`);
}

/** Brings what is missing onto this machine; the script says what it does. */
async function setUp(...components: readonly string[]): Promise<void> {
  const script = join(import.meta.dirname, "../setup.sh");
  const child = spawn("bash", [script, ...components], { stdio: ["ignore", "inherit", "inherit"] });
  const forgetCleanup = cleanUpAtExit(() => child.kill("SIGTERM"));
  const [code] = (await once(child, "close")) as [number | null];
  forgetCleanup();
  if (code !== 0) throw new Error(`bash scripts/setup.sh ${components.join(" ")} failed`);
}

/** The user's kubectl, which fits their cluster, else the one that was built for the local one. */
async function findKubectl(): Promise<string> {
  for (const folder of (process.env.PATH ?? "").split(":")) {
    try {
      accessSync(join(folder, "kubectl"), fileConstants.X_OK);
      return join(folder, "kubectl");
    } catch {
      // Not in this one.
    }
  }
  await setUp("kubernetes");
  const { kubectl } = await findControlPlanePrograms(process.env);
  if (kubectl === undefined) throw new Error("kubectl is missing: install it");
  return kubectl;
}

/** The shell's convention for a program ended by a signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
function endOnSignals(screen: Screen): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      screen.clear();
      screen.failed(`ended by ${signal}: stopping and removing everything`);
      // At exit the clean-ups run that every part has registered, wherever the demo is: see cleanUpAtExit.
      process.exit(128 + constants.signals[signal]);
    });
  }
}

let options: Options;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`demo: ${messageOf(error)}\n\n${usage}`);
  process.exit(2);
}
if (options.mode === "help") {
  process.stdout.write(usage);
} else {
  // Whoever reads the output may leave, as `head` does; the demo then ends and cleans up, as there is nobody to show it to.
  process.stdout.once("error", () => process.exit(1));
  const screen = createScreen(process.stdout, () => performance.now());
  endOnSignals(screen);
  process.exit(await main(options, screen));
}
