import { execFile, spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cleanUpAtExit } from "../cluster/cleanup.ts";
import { startCluster } from "../cluster/cluster.ts";
import { findControlPlanePrograms } from "../cluster/programs.ts";
import { buildImages } from "../images/build-images.ts";
import type { Suite } from "../images/debian-base.ts";
import { type ImageStore, openImageStore } from "../images/store.ts";
import { createProgress, type Progress } from "../progress.ts";
import { shellWords } from "./format.ts";
import { localRepository, type Place } from "./place.ts";
import type { Screen } from "./screen.ts";

/** Where the cluster is that stays. Always the same, so that there is only one and its end is easy to tell. */
const keptFolder = "/var/tmp/slurm-power-agent-demo";
const clusterCommand = join(import.meta.dirname, "../cluster/main.ts");

/** What the local place is to be like. */
interface LocalPlaceOptions {
  readonly suite: Suite;
  /** Whether the cluster can outlive this process. */
  readonly keep: boolean;
  /** Where it lies, if it cannot: a folder that does not exist yet. */
  readonly clusterFolder: string;
  /** An existing folder for kubectl and helm, instead of the user's own. */
  readonly home: string;
}

/** A local cluster that runs. */
interface RunningCluster {
  readonly kubeconfig: string;
  readonly loadImage: (store: ImageStore, name: string) => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Takes back that it ends with this process; only of one that can do without. */
  readonly leave?: () => void;
}

/** Builds the images, starts a whole Kubernetes on this machine and gives it the images. */
export async function startLocalPlace(options: LocalPlaceOptions, screen: Screen): Promise<Place> {
  const { suite, keep, clusterFolder, home } = options;
  const progress = createProgress("demo", (line) => screen.note(line.trimEnd().replace(/^demo: /, "")));

  screen.step(`Build the images with the Slurm of Debian ${suite}`);
  const store = await openImageStore(process.env);
  const names = await buildImages(store, suite, progress);
  screen.proven(`${names.head}, worker and operator are there; they are kept in ${store.folder}`);

  screen.step("Start a Kubernetes with one node on this machine");
  const cluster = keep ? await startKept(screen) : await startHeld(clusterFolder, progress);
  screen.proven("its node is ready");

  screen.step("Give the images to the node");
  for (const name of [names.head, names.worker, names.operator]) {
    await screen.waiting(name, 300_000, cluster.loadImage(store, name));
    screen.note(name);
  }
  screen.proven("no registry is needed");

  const { kubectl } = await findControlPlanePrograms({ ...process.env, KUBEBUILDER_ASSETS: "" });
  if (kubectl === undefined) throw new Error("kubectl is missing: run `bash scripts/setup.sh kubernetes`");
  await mkdir(home);
  const before = [`export KUBECONFIG=${cluster.kubeconfig}`, `alias kubectl=${kubectl}`];
  screen.note("The commands below are run with");
  for (const command of before) screen.command({ command, output: "" });
  const { leave } = cluster;
  return {
    kubectl: {
      program: kubectl,
      options: [],
      env: { PATH: process.env.PATH, HOME: home, KUBECONFIG: cluster.kubeconfig },
    },
    namespace: "default",
    operator: { namespace: "slurm-operator", servesItOnly: false },
    images: { repository: localRepository, suite },
    startLimit: 240,
    stop: async () => {
      await cluster.stop();
      return "the cluster with all its Pods has ended";
    },
    ...(leave === undefined
      ? {}
      : {
          leave: () => {
            leave();
            return { before, end: [`npm run cluster -- down --folder ${keptFolder}`] };
          },
        }),
  };
}

/** A cluster that ends with this process, however that ends. */
async function startHeld(folder: string, progress: Progress): Promise<RunningCluster> {
  const { api, loadImage, stop } = await startCluster({ folder, progress });
  return { kubeconfig: api.adminKubeconfig, loadImage, stop };
}

/** A cluster of scripts/cluster/main.ts, which can stay. Until it is left, it ends with this process too. */
async function startKept(screen: Screen): Promise<RunningCluster> {
  const command = (...args: readonly string[]): string[] => [clusterCommand, ...args, "--folder", keptFolder];
  const run = (...args: readonly string[]) => promisify(execFile)(process.execPath, command(...args));
  if ((await run("status").catch(() => undefined)) !== undefined) {
    throw new Error(
      `the cluster of an earlier demo is up: end it with\nnpm run cluster -- down --folder ${keptFolder}`,
    );
  }
  const starting = run("up");
  const leave = cleanUpAtExit(() => {
    starting.child.kill("SIGTERM");
    const { status } = spawnSync(process.execPath, command("down"), { stdio: "inherit" });
    if (status !== 0) throw new Error(`failed: ${shellWords([process.execPath, ...command("down")])}`);
  });
  await screen.waiting("the cluster", 120_000, starting);
  return {
    kubeconfig: (await run("kubeconfig")).stdout.trim(),
    loadImage: async (_, name) => void (await run("load", name)),
    stop: async () => {
      await run("down");
      leave();
    },
    leave,
  };
}
