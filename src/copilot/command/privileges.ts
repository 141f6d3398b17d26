/**
 * Root must not run what another user has written: the settings file names programs (scontrol, a kubeconfig with a login program). So a
 * command that root starts goes on as the user whom these files belong to, which is who may read and do all that the commands need.
 */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { LoadedSettings } from "../../settings/settings.ts";
import { SettingsError } from "../../settings/settings-error.ts";

/** A user, with the number of its own group. */
interface Owner {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user as whom root has to go on, if any: the one owner, not root, of the settings file, its folder and its kubeconfig. Throws a
 * SettingsError when they belong to several.
 */
export function ownerToBecome(owners: readonly Owner[]): Owner | undefined {
  const others = owners.filter(({ uid }) => uid !== 0);
  const [first] = others;
  const different = others.find(({ uid }) => uid !== first?.uid);
  if (first === undefined || different === undefined) return first;
  throw new SettingsError(
    `${first.path} and ${different.path} belong to different users, and root runs what neither of them has written: ` +
      "run this as SlurmUser",
  );
}

/** Goes on as the owner of the settings where this process is root's. Throws a SettingsError where that cannot be. */
export function dropPrivileges({ file, settings }: LoadedSettings): void {
  if (process.geteuid?.() !== 0) return;
  const paths = [file, dirname(file), ...(settings.kubeconfig === undefined ? [] : [settings.kubeconfig])];
  const owner = ownerToBecome(
    paths.flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? [] : [{ path, uid: found.uid, gid: found.gid }];
    }),
  );
  if (owner === undefined) return;
  process.setgroups?.([owner.gid]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
