/** The settings file: each mistake in it, and who may read and write it. */
import { describeStatus, refusal } from "./access.ts";
import { type Check, combined, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";
import type { Facts } from "./facts.ts";

export const settingsFile: Check = {
  name: "settings file",
  run: (facts) => {
    const fact = facts.paths.get(facts.settings.file);
    const mistakes = { findings: [...findMistakes(facts), ...findOpen(facts)] };
    if (fact?.status === undefined) return mistakes;
    const readable = given(facts.slurmUser, (user) => {
      const why = refusal(fact, user, "read");
      if (why === undefined) return [];
      return [
        finding("SettingsUnreadable", fact.path, why, `chgrp ${user.name} ${fact.path} && chmod 640 ${fact.path}`),
      ];
    });
    return combined(mistakes, readable);
  },
};

function findMistakes({ settings }: Facts): Finding[] {
  return settings.problems.map(({ file, line, key, message }) =>
    finding(
      "SettingsMistake",
      `${file}:${line}${key && ` ${key}`}`,
      message,
      `correct line ${line} or remove it; a copilot that runs reads it again at SIGHUP`,
    ),
  );
}

function findOpen({ paths, settings }: Facts): Finding[] {
  const status = paths.get(settings.file)?.status;
  if (status === undefined || (status.mode & 0o002) === 0) return [];
  const cause = `has ${describeStatus(status)}: everybody may write it`;
  return [finding("SettingsOpen", settings.file, cause, `chmod o-w ${settings.file}`)];
}
