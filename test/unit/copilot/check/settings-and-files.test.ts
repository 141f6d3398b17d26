import { describe, expect, test } from "vitest";
import type { PathFact } from "../../../../src/copilot/check/facts.ts";
import { filesOfSlurmUser } from "../../../../src/copilot/check/files.ts";
import { settingsFile } from "../../../../src/copilot/check/settings-file.ts";
import { whereabouts } from "../../../../src/copilot/check/whereabouts.ts";
import { type GivenFacts, makeFacts, outcomeOf, path, SLURM, told } from "../../../support/check-facts.ts";

/** Facts with these paths in place of the usual ones. */
function withPaths(...paths: readonly PathFact[]): GivenFacts {
  const { paths: usual } = makeFacts();
  return { facts: { paths: new Map([...usual, ...paths.map((fact) => [fact.path, fact] as const)]) } };
}

const FILE = "/etc/slurm/power-agent.yaml";

describe("settings file", () => {
  test.each([
    ["all is well", {}, []],
    ["there is none", withPaths(path(FILE, null)), []],
    [
      "everybody may write it",
      withPaths(path(FILE, { mode: 0o666 })),
      [`SettingsOpen ${FILE}: has mode 0666, owner root, group root: everybody may write it`],
    ],
    [
      "SlurmUser may not read it",
      withPaths(path(FILE, { mode: 0o640 })),
      [`SettingsUnreadable ${FILE}: has mode 0640, owner root, group root: slurm may not read it`],
    ],
    ["SlurmUser's group may", withPaths(path(FILE, { mode: 0o640, gid: 64030 })), []],
  ])("%s", (_case, given, expected) => {
    expect(told(settingsFile, given)).toEqual(expected);
  });

  test("each mistake with its line and what is allowed", () => {
    const { settings } = makeFacts();
    const problems = [
      { file: FILE, line: 2, key: "logFormat", message: 'must be text or json, not "xml"' },
      { file: FILE, line: 3, key: "", message: "not valid YAML: …" },
    ];
    expect(told(settingsFile, { facts: { settings: { ...settings, problems } } })).toEqual([
      `SettingsMistake ${FILE}:2 logFormat: must be text or json, not "xml"`,
      `SettingsMistake ${FILE}:3: not valid YAML: …`,
    ]);
  });

  test("mistakes are told also when SlurmUser is unknown", () => {
    const { settings } = makeFacts();
    const problems = [{ file: FILE, line: 2, key: "x", message: "unknown key" }];
    const facts = { settings: { ...settings, problems }, slurmUser: { unknown: "down" } };
    const { findings, unchecked } = outcomeOf(settingsFile, { facts });
    expect(findings.map(({ code }) => code)).toEqual(["SettingsMistake"]);
    expect(unchecked).toBe("down");
  });
});

const own = { uid: SLURM.uid, gid: 64030 };

describe("files of SlurmUser", () => {
  test.each([
    ["all is well", {}, []],
    [
      "kubeconfig of root",
      withPaths(path("/etc/slurm/kubeconfig", { mode: 0o600 })),
      ["KubeconfigUnreadable /etc/slurm/kubeconfig: has mode 0600, owner root, group root: slurm may not read it"],
    ],
    [
      "kubeconfig for all",
      withPaths(path("/etc/slurm/kubeconfig", { ...own, mode: 0o644 })),
      ["KubeconfigOpen /etc/slurm/kubeconfig: has mode 0644, not 0600"],
    ],
    [
      "no kubeconfig",
      withPaths(path("/etc/slurm/kubeconfig", null)),
      ["KubeconfigMissing /etc/slurm/kubeconfig: does not exist"],
    ],
    [
      "a log of root",
      withPaths(path("/var/log/slurm-resume.log")),
      ["LogNotWritable /var/log/slurm-resume.log: has mode 0644, owner root, group root: slurm may not write it"],
    ],
    [
      "no log, in a folder of root",
      withPaths(path("/var/log/slurm-suspend.log", null)),
      [
        "LogNotWritable /var/log/slurm-suspend.log: does not exist, and slurm may not make files in / (mode 0755, owner root, group root)",
      ],
    ],
    [
      "no folder for the socket",
      withPaths(path("/run/slurm-power-agent", null)),
      ["SocketFolderUnusable /run/slurm-power-agent: does not exist"],
    ],
    [
      "a token that SlurmUser may not read",
      {
        settings: { kubeconfig: undefined },
        facts: {
          ...withPaths(path("/token", { mode: 0o600 })).facts,
          tokenFile: "/token",
        },
      },
      ["TokenUnreadable /token: has mode 0600, owner root, group root: slurm may not read it"],
    ],
  ] as const)("%s", (_case, given, expected) => {
    expect(told(filesOfSlurmUser, given as GivenFacts)).toEqual(expected);
  });
});

describe("whereabouts", () => {
  const { here } = makeFacts();
  test.each([
    ["all is well", {}, []],
    [
      "nobody can tell the cluster",
      { here: { ...here, cluster: { unknown: "cannot tell the cluster; looked at …" } } },
      ["NoCluster SlurmCluster: cannot tell the cluster; looked at …"],
    ],
    [
      "the programs cannot",
      { programsAre: { ...here, api: { unknown: "no way to the Kubernetes API" } } },
      [
        "ProgramsLost Kubernetes API: you reach https://api by the service account, but for them: no way to the Kubernetes API",
      ],
    ],
    [
      "the programs log in as somebody else",
      { programsAre: { ...here, login: "kubeconfig /x" } },
      [
        "ProgramsElsewhere Kubernetes API: this is https://api by the service account; theirs is https://api by kubeconfig /x",
      ],
    ],
    [
      "the programs go elsewhere",
      { programsAre: { ...here, cluster: { value: { namespace: "default", name: "other" } } } },
      ["ProgramsElsewhere SlurmCluster: this is default/demo; theirs is default/other"],
    ],
  ])("%s", (_case, facts, expected) => {
    expect(told(whereabouts, { facts })).toEqual(expected);
  });
});
