/** What SlurmUser must be able to read and write: credentials, logs, the folder of the copilot's socket. */
import { dirname } from "node:path";
import { creationRefusal, octal, refusal } from "./access.ts";
import { type Check, given } from "./check.ts";
import { type CheckCode, type Finding, finding } from "./codes.ts";
import type { Facts, PathFact, User } from "./facts.ts";

export const filesOfSlurmUser: Check = {
  name: "files of SlurmUser",
  run: (facts) =>
    given(facts.slurmUser, (user) => [...credentials(facts, user), ...logs(facts, user), ...socket(facts, user)]),
};

function credentials({ paths, settings, tokenFile }: Facts, user: User): Finding[] {
  const kubeconfig = paths.get(settings.settings.kubeconfig ?? "");
  if (kubeconfig !== undefined) return credentialsOf(kubeconfig, user);
  const token = paths.get(tokenFile ?? "");
  const why = token && refusal(token, user, "read");
  if (token === undefined || why === undefined) return [];
  const fix = `let a group of ${user.name} into /run/secrets/kubernetes.io when the container starts, or set fsGroup in the Pod's securityContext, which may give a shared /home to that group, too`;
  return [finding("TokenUnreadable", token.path, why, fix)];
}

function credentialsOf(kubeconfig: PathFact, user: User): Finding[] {
  const { path, status } = kubeconfig;
  if (status === undefined) {
    const fix = `put a kubeconfig at ${path}, or name the right path as "kubeconfig" in the settings file`;
    return [finding("KubeconfigMissing", path, refusal(kubeconfig, user, "read") ?? "does not exist", fix)];
  }
  const why = refusal(kubeconfig, user, "read");
  const own = `chown ${user.name} ${path} && chmod 600 ${path}`;
  const open = (status.mode & 0o077) !== 0;
  return [
    ...(why === undefined ? [] : [finding("KubeconfigUnreadable", path, why, own)]),
    ...(open ? [finding("KubeconfigOpen", path, `has mode ${octal(status.mode)}, not 0600`, own)] : []),
  ];
}

function logs({ paths, settings }: Facts, user: User): Finding[] {
  return [settings.settings.resumeLog, settings.settings.suspendLog].flatMap((path) => {
    const fix = `install -o ${user.name} -g ${user.name} -m 640 /dev/null ${path}`;
    return unwritable("LogNotWritable", paths.get(path), user, fix);
  });
}

function socket({ paths, settings }: Facts, user: User): Finding[] {
  const folder = dirname(settings.settings.copilotSocket);
  const fact = paths.get(folder);
  const why = fact && (refusal(fact, user, "write") ?? refusal(fact, user, "execute"));
  if (why === undefined) return [];
  const fix = `install -d -o ${user.name} -g ${user.name} -m 750 ${folder}`;
  return [finding("SocketFolderUnusable", folder, why, fix)];
}

function unwritable(code: CheckCode, fact: PathFact | undefined, user: User, fix: string): Finding[] {
  if (fact === undefined) return [];
  const why = fact.status === undefined ? creationRefusal(fact, user) : refusal(fact, user, "write");
  return why === undefined ? [] : [finding(code, fact.path, why, fix)];
}
