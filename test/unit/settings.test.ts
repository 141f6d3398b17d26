import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultSettings, isDnsName, loadSettings, settingsFilePath } from "../../src/settings/settings.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function load(text: string) {
  const file = join(temporaryFolder(), "power-agent.yaml");
  writeFileSync(file, text);
  const { settings, problems } = await loadSettings(file);
  expect(problems.every((problem) => problem.file === file)).toBe(true);
  return { settings, problems: problems.map(({ line, key, message }) => `${line} ${key}: ${message}`) };
}

describe("loadSettings", () => {
  test("an absent file means the defaults", async () => {
    expect(await loadSettings(join(temporaryFolder(), "none.yaml"))).toMatchObject({
      settings: defaultSettings,
      problems: [],
    });
  });

  test.each(["", "# nothing\n", "---\n"])("an empty file (%j) means the defaults", async (text) => {
    expect(await load(text)).toEqual({ settings: defaultSettings, problems: [] });
  });

  test("reads every key", async () => {
    const text = `namespace: hpc
cluster: slurm-demo
kubeconfig: /etc/slurm/kubeconfig
scontrol: /opt/slurm/bin/scontrol
resumeLog: /tmp/r.log
suspendLog: /tmp/s.log
logFormat: json
deadlineSeconds: 7.5
allOrNothing: true
copilotSocket: /run/c.sock
metricsPort: 0
failingPodSeconds: 90
unschedulableSeconds: 94
registrationSeconds: 91
unknownPodSeconds: 92
backOffSeconds: 93
strikeLimit: 3
blastRadius: 25
blastRadiusShare: 0.5
`;
    expect(await load(text)).toEqual({
      settings: {
        namespace: "hpc",
        cluster: "slurm-demo",
        kubeconfig: "/etc/slurm/kubeconfig",
        scontrol: "/opt/slurm/bin/scontrol",
        resumeLog: "/tmp/r.log",
        suspendLog: "/tmp/s.log",
        logFormat: "json",
        deadlineSeconds: 7.5,
        allOrNothing: true,
        copilotSocket: "/run/c.sock",
        metricsPort: 0,
        failingPodSeconds: 90,
        unschedulableSeconds: 94,
        registrationSeconds: 91,
        unknownPodSeconds: 92,
        backOffSeconds: 93,
        strikeLimit: 3,
        blastRadius: 25,
        blastRadiusShare: 0.5,
      },
      problems: [],
    });
  });

  test.each([
    ["resumelog: /tmp/x", "1 resumelog: unknown key; known are namespace, cluster, kubeconfig,"],
    ["\n\ndeadlineSeconds: 0", "3 deadlineSeconds: must be a number of seconds from 1 to 300, not 0"],
    ['deadlineSeconds: "20"', '1 deadlineSeconds: must be a number of seconds from 1 to 300, not "20"'],
    ["metricsPort: 80.5", "1 metricsPort: must be a port number from 0 to 65535, not 80.5"],
    ["blastRadiusShare: 20", "1 blastRadiusShare: must be a number from 0 to 1, not 20"],
    ["strikeLimit: 0", "1 strikeLimit: must be a whole number from 1 to 20, not 0"],
    ["logFormat: xml", '1 logFormat: must be text or json, not "xml"'],
    ["resumeLog: r.log", '1 resumeLog: must be an absolute path, not "r.log"'],
    ["cluster: Demo", '1 cluster: must be a DNS name: lower-case letters, digits and hyphens, not "Demo"'],
    ["cluster: a/../b", "1 cluster: must be a DNS name"],
    ["allOrNothing: 1", "1 allOrNothing: must be true or false, not 1"],
    ["allOrNothing: [true]", "1 allOrNothing: must be true or false"],
    ["toString: x", "1 toString: unknown key"],
    ["namespace: a\nnamespace: b", "2 : not valid YAML: Map keys must be unique"],
    ["- namespace", "1 : must be a list of `key: value` lines"],
    ["namespace: {", "not valid YAML"],
  ])("%j is reported and the default used", async (text, problem) => {
    const { settings, problems } = await load(text);
    expect(problems.join("\n")).toContain(problem);
    expect({ ...settings, namespace: undefined }).toEqual(defaultSettings);
  });

  test("a bad key does not cost the good ones", async () => {
    const { settings, problems } = await load("logFormat: json\ndeadlineSeconds: never\ncluster: demo\n");
    expect(settings).toEqual({ ...defaultSettings, logFormat: "json", cluster: "demo" });
    expect(problems).toHaveLength(1);
  });

  test("a file that cannot be read is reported", async () => {
    const folder = join(temporaryFolder(), "power-agent.yaml");
    mkdirSync(folder);
    const { settings, problems } = await loadSettings(folder);
    expect(settings).toEqual(defaultSettings);
    expect(problems[0]?.message).toContain("EISDIR");
  });
});

test("the settings file lies beside slurm.conf", () => {
  expect(settingsFilePath({ SLURM_CONF: "/var/slurm/slurm.conf" })).toBe("/var/slurm/power-agent.yaml");
  expect(settingsFilePath({})).toBe("/etc/slurm/power-agent.yaml");
});

test.each(["a", "a-b", "a.b-c", "0", "x".repeat(253)])("%s is a DNS name", (name) =>
  expect(isDnsName(name)).toBe(true),
);
test.each(["", "-a", "a-", "a..b", "A", "a_b", "a/b", "a%2f", "x".repeat(254), "a\n"])("%j is not a DNS name", (name) =>
  expect(isDnsName(name)).toBe(false),
);
