import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { claimFreePorts } from "./free-ports.ts";
import { renderSlurmConf, type SlurmOptions, type SlurmPlace, slurmNodeNames } from "./slurm-conf.ts";

const execute = promisify(execFile);

/**
 * Makes the folder of one run of Slurm, with the owners and modes that munged, slurmctld and slurmd insist on:
 *
 *     munge/   key, socket            munge
 *     state/   StateSaveLocation      slurm
 *     log/     all logs               slurm; slurmctld's working folder, hence that of the programs it runs
 *     spool/   slurmd's folders       root
 *     jobs/    jobs' working folder   anybody, as /tmp
 *     slurm.conf                      root, readable by all
 *
 * Its name is short because slurmstepd listens on FOLDER/spool/NODE/NODE_JOB.STEP, and the path of a Unix socket can have
 * 107 bytes at most; with more, jobs cannot be launched.
 */
export async function prepareSlurmPlace(options: SlurmOptions): Promise<SlurmPlace> {
  const folder = await mkdtemp(join(tmpdir(), "slurm-"));
  await chmod(folder, 0o755);
  const [munge, slurm] = await Promise.all([findUser("munge"), findUser("slurm")]);
  await makeFolder(join(folder, "munge"), 0o755, munge);
  await makeFolder(join(folder, "state"), 0o700, slurm);
  await makeFolder(join(folder, "log"), 0o755, slurm);
  await makeFolder(join(folder, "spool"), 0o755);
  await makeFolder(join(folder, "jobs"), 0o1777);
  const key = join(folder, "munge", "munge.key");
  await writeFile(key, randomBytes(128), { mode: 0o400 });
  await chown(key, munge.uid, munge.gid);
  const [hostName = ""] = hostname().split(".");
  const port = await claimFreePorts(1 + slurmNodeNames(options).length, Math.random);
  const place = { folder, port, hostName };
  await writeFile(join(folder, "slurm.conf"), renderSlurmConf(options, place), { mode: 0o644 });
  return place;
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

async function makeFolder(path: string, mode: number, owner?: User): Promise<void> {
  await mkdir(path);
  await chmod(path, mode);
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
}

/** Numeric ids of a user. @throws Error when the machine has no such user, which Debian's packages bring */
export async function findUser(name: string): Promise<User> {
  const [uid, gid] = await Promise.all([execute("id", ["-u", name]), execute("id", ["-g", name])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
