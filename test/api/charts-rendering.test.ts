import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { charts, renderManifest } from "../../scripts/charts/charts.ts";
import { runHelm } from "../../scripts/charts/helm.ts";
import { describeWithHelm, helmProgram, template } from "../support/helm.ts";

/* What the real helm makes of the charts, and what it refuses. */

const clusterChart = charts.find(({ name }) => name === "slurm-cluster")?.folder ?? "";

describeWithHelm("both charts", () => {
  test.each(charts.map((chart) => [chart.name, chart.folder]))("%s passes helm lint --strict", async (_, folder) => {
    await runHelm(helmProgram, ["lint", "--strict", folder]);
  });

  test.each(charts.map((chart) => [chart.name, chart] as const))(
    "deploy/manifests has %s as it is",
    async (_, chart) => {
      expect(await renderManifest(helmProgram, chart)).toBe(await readFile(chart.manifest, "utf8"));
    },
  );

  test("a changed slurm.conf restarts a head whose state is kept, and no other", async () => {
    const checksum = async (...args: string[]) =>
      /checksum\/slurm-conf: (.*)/.exec(await template(clusterChart, ...args))?.[1];
    const kept = ["--set", "state.type=claim"];
    expect(await checksum()).toBeUndefined();
    expect(await checksum(...kept)).toBe(await checksum(...kept));
    expect(await checksum(...kept)).not.toBe(await checksum(...kept, "--set", "slurm.suspendTime=1"));
  });
});

const group = (more: object) =>
  `workerGroups=[${JSON.stringify({ name: "cpu", maxNodes: 2, cpus: 1, memory: "1Gi", ...more })}]`;

describeWithHelm("wrong values are refused, in words that say what is right", () => {
  test.each<[string, string, string[]]>([
    ["a misspelt key", "additional properties 'workergroups' not allowed", ["--set", "workergroups=1"]],
    [
      "a group without nodes",
      "at '/workerGroups/0/maxNodes': minimum: got 0, want 1",
      ["--set-json", group({ maxNodes: 0 })],
    ],
    ["half a CPU", "at '/workerGroups/0/cpus': got number, want integer", ["--set-json", group({ cpus: 0.5 })]],
    ["an unknown unit", "at '/workerGroups/0/memory': '4GB' does not match", ["--set-json", group({ memory: "4GB" })]],
    [
      "a group's name that is no DNS label",
      "at '/workerGroups/0/name': 'CPU' does not match",
      ["--set-json", group({ name: "CPU" })],
    ],
    [
      "a second line smuggled into NodeName",
      "at '/workerGroups/0/nodeOptions'",
      ["--set-json", group({ nodeOptions: "A=1\nB=2" })],
    ],
    ["no group", "at '/workerGroups': minItems: got 0, want 1", ["--set-json", "workerGroups=[]"]],
    ["an unknown suite", "at '/suite': value must be one of 'bookworm', 'trixie', 'sid'", ["--set", "suite=buster"]],
    ["an unknown kind of volume", "at '/home/type': value must be one of", ["--set", "home.type=nfs"]],
    ["no time to start", "at '/slurm/resumeTimeout': minimum: got 0, want 1", ["--set", "slurm.resumeTimeout=0"]],
    ["no port for ssh", "at '/ssh/port': minimum: got 0, want 1", ["--set", "ssh.port=0"]],
    [
      "an annotation that is no text",
      "at '/ssh/annotations/internal': got boolean, want string",
      ["--set", "ssh.annotations.internal=true"],
    ],
    ["an LDAP server without scheme", "at '/ldap/uri'", ["--set", "ldap.uri=ldap.example.org"]],
    [
      "less memory than the reserve",
      'worker group "cpu": memory 256Mi must be more than worker.memoryReserve, 256Mi',
      ["--set-json", group({ memory: "256Mi" })],
    ],
    [
      "a Pod name that is too long",
      `worker group "${"g".repeat(55)}": its last worker would be "demo-worker-${"g".repeat(55)}-1", which has 69 characters`,
      ["--set-json", group({ name: "g".repeat(55) })],
    ],
    [
      "a cluster name that is too long",
      "has 41 characters, and Slurm allows 40",
      ["--set", `clusterName=${"c".repeat(41)}`],
    ],
    ["a cluster name in capitals", `the cluster's name "Demo" must begin with a letter`, ["--set", "clusterName=Demo"]],
    [
      "two groups of one name",
      'there are two groups named "cpu"',
      [
        "--set-json",
        'workerGroups=[{"name":"cpu","maxNodes":1,"cpus":1,"memory":"1Gi"},{"name":"cpu","maxNodes":1,"cpus":1,"memory":"1Gi"}]',
      ],
    ],
    [
      "GPUs of several types that nobody could tell apart",
      'worker group "cpu": with GPUs of several types each gres needs its `file`',
      [
        "--set-json",
        group({
          gres: [
            { name: "gpu", type: "a100", count: 1, file: "/dev/nvidia0" },
            { name: "gpu", type: "h100", count: 1 },
          ],
        }),
      ],
    ],
    [
      "a partition of an unknown group",
      'partition "main": there is no worker group "gpu", only cpu',
      ["--set-json", 'partitions=[{"name":"main","groups":["gpu"]}]'],
    ],
    [
      "two partitions of one name",
      'there are two partitions named "main"',
      ["--set-json", 'partitions=[{"name":"main"},{"name":"main"}]'],
    ],
    [
      "SuspendTimeout within the grace period",
      "slurm.suspendTimeout is 30 and must be more than worker.terminationGracePeriodSeconds, 30",
      ["--set", "slurm.suspendTimeout=30"],
    ],
    [
      "a folder that is not named",
      "home.type is hostPath: give the machine's folder in home.hostPath",
      ["--set", "home.type=hostPath"],
    ],
    [
      "a claim that is not named",
      "state.type is existingClaim: name the claim in state.existingClaim",
      ["--set", "state.type=existingClaim"],
    ],
    [
      "containers in podSpec",
      "head.podSpec: containers are made by the chart",
      ["--set-json", 'head.podSpec={"containers":[]}'],
    ],
    ["LDAP without a server", "ldap.enabled: give the server in ldap.uri", ["--set", "ldap.enabled=true"]],
    [
      "accounting without a database",
      "accounting.enabled: name the Secret that holds slurmdbd.conf",
      ["--set", "accounting.enabled=true"],
    ],
    [
      "two databases",
      "accounting.existingSecret is for a database of your own, and accounting.mariadb.enabled starts one",
      ["--set", "accounting.enabled=true,accounting.existingSecret=own,accounting.mariadb.enabled=true"],
    ],
  ])("%s", async (_, message, args) => {
    await expect(template(clusterChart, ...args)).rejects.toMatchObject({ stderr: expect.stringContaining(message) });
  });
});
