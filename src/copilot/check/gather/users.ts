/** SlurmUser as the kernel will see it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Known, User } from "../facts.ts";

/** A user with its groups, from `id`, which asks whatever the host is set up to ask (files, LDAP). */
export async function findUser({ name, uid }: { readonly name: string; readonly uid: number }): Promise<Known<User>> {
  try {
    const { stdout } = await promisify(execFile)("/usr/bin/id", ["-G", String(uid)], { env: {}, timeout: 10_000 });
    return { value: { name, uid, gids: new Set(stdout.trim().split(/\s+/).map(Number)) } };
  } catch (error) {
    return { unknown: `the groups of SlurmUser ${name} cannot be had: ${(error as Error).message.trim()}` };
  }
}
