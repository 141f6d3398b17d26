import { execFile, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cleanUpAtExit } from "../cluster/cleanup.ts";

/** Where images are made and kept: a storage of our own, so that the machine's own images stay apart. */
export interface ImageStore {
  /** Holds everything: removing it, as root, frees all. */
  readonly folder: string;
  /**
   * Runs `buildah` on this storage, with the user's environment. Its output is kept and comes with the error.
   *
   * @param args the command and its arguments, e.g. `["images"]`
   * @returns standard output without the last line end
   * @throws Error with the last 30 lines of output when buildah fails
   */
  readonly buildah: (args: readonly string[]) => Promise<string>;
}

/** The cache folder of this project: `$XDG_CACHE_HOME/slurm-power-agent`, else `~/.cache/slurm-power-agent`. */
function cacheFolder(environment: NodeJS.ProcessEnv): string {
  return join(environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), ".cache"), "slurm-power-agent");
}

/**
 * Opens the storage in {@link cacheFolder}, and makes it if need be. buildah's caches, such as downloaded packages, lie in it
 * too.
 *
 * @param environment usually `process.env`
 */
export async function openImageStore(environment: NodeJS.ProcessEnv): Promise<ImageStore> {
  const folder = join(cacheFolder(environment), "images");
  const caches = join(folder, "caches");
  await mkdir(caches, { recursive: true });
  return {
    folder,
    buildah: (args) =>
      runShowingFailure("buildah", [...storageArguments(folder), ...args], {
        ...environment,
        // The folders of `RUN --mount=type=cache` are made here.
        TMPDIR: caches,
        BUILDAH_ISOLATION: "chroot",
      }),
  };
}

/** What leads buildah to the storage in `folder`. */
function storageArguments(folder: string): string[] {
  return ["--root", join(folder, "storage"), "--runroot", join(folder, "run"), "--storage-driver", "overlay"];
}

async function runShowingFailure(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  // Child processes get SIGKILL with this one: a build must not go on after Ctrl-C.
  const child = promisify(execFile)("/usr/bin/setpriv", ["--pdeathsig", "KILL", "--", program, ...args], {
    env: environment,
    maxBuffer: 64 << 20,
  });
  const forget = cleanUpAtExit(() => child.child.kill("SIGKILL"));
  try {
    return (await child).stdout.trimEnd();
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-30).join("\n");
    throw new Error(`${program} ${args.slice(0, 8).join(" ")} failed:\n${tail}`, { cause: error });
  } finally {
    forget();
  }
}

/**
 * Runs `work` while nobody else builds on this storage: who does so under this lock removes what builds that were killed left, and cannot
 * tell that from builds of others.
 *
 * @param waiting called once when another process builds
 */
export function whileNobodyBuilds<T>(store: ImageStore, waiting: () => void, work: () => Promise<T>): Promise<T> {
  return withLock(join(store.folder, "build.lock"), waiting, work);
}

/**
 * Runs `work` while no other process of this machine does so with the same lock file (`flock`, from util-linux). The kernel
 * frees the lock when this process ends, in whatever way.
 *
 * @param waiting called once when another process holds the lock
 */
async function withLock<T>(file: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  const holder = spawn("flock", [file, "cat"], { stdio: ["pipe", "pipe", "inherit"] });
  const patience = setTimeout(waiting, 1000);
  try {
    await new Promise<void>((resolve, reject) => {
      // `cat` answers only once flock has started it, with the lock held.
      holder.stdout.once("data", () => resolve());
      holder.once("error", reject);
      holder.once("exit", (code) => reject(new Error(`flock ${file} ended with status ${code}`)));
      holder.stdin.write("locked\n");
    });
    clearTimeout(patience);
    return await work();
  } finally {
    clearTimeout(patience);
    holder.stdin.end();
  }
}
