/**
 * Records what real Slurms print into test/fixtures/slurm, for the tests of everything that reads it:
 *
 *     node scripts/record-slurm-fixtures.ts [installed] [trixie] [sid]
 *
 * "installed" is this machine's Slurm; the others live in the root folders that scripts/setup.sh makes, and the whole
 * recorder runs in there: with the repository under /mnt and an empty /tmp, mounted where no other process sees them.
 * Needs root. About a minute each.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { recordInstalledSlurm } from "./slurm-fixtures/record.ts";

const repository = join(import.meta.dirname, "..");
const here = (...args: string[]) => [process.execPath, import.meta.filename, ...args];
const run = (program: string, ...args: string[]) => void execFileSync(program, args, { stdio: "inherit" });

const [what, root] = process.argv.slice(2);
if (what === "--enter" && root !== undefined) enter(root);
else await recordAll(process.argv.slice(2));

async function recordAll(asked: readonly string[]): Promise<void> {
  for (const slurm of asked.length > 0 ? asked : ["installed", "trixie", "sid"]) {
    if (slurm === "installed") {
      console.log(`recorded ${await recordInstalledSlurm(join(repository, "test/fixtures/slurm"))}`);
    } else {
      const script = join(repository, "scripts/debian-root.sh");
      const folder = execFileSync("bash", [script, slurm], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
      run("unshare", "--mount", "--propagation", "private", ...here("--enter", folder.trim()));
    }
  }
}

/** Goes on in another root folder; to be called in a mount namespace of its own, so that the mounts end with this process. */
function enter(root: string): void {
  for (const folder of ["proc", "sys", "dev"]) run("mount", "--rbind", `/${folder}`, join(root, folder));
  run("mount", "--bind", repository, join(root, "mnt"));
  run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", join(root, "tmp"));
  const script = "/mnt/scripts/record-slurm-fixtures.ts";
  run("chroot", root, "/mnt/node_modules/node/bin/node", script, "installed");
}
