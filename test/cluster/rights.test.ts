/** Who may do and read what: tried with the tokens of the real Pods, on their real files and processes. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, createApiClient } from "../../scripts/cluster/api-client.ts";
import { addAccountingAndRest } from "../support/accounting-and-rest.ts";
import { expectAnswers, rulesOf } from "../support/answers.ts";
import { type ChartCluster, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { processesIn } from "../support/processes-in.ts";
import { binarySecret, findSecrets, readPlaces, textSecret } from "../support/secret-traces.ts";
import { waitFor } from "../support/wait-for.ts";

const storagePassword = "correct-horse-battery-staple";
const tokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const worker = "demo-worker-cpu-0";

interface RunningPod {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

describeHelmCluster("rights and secrets", () => {
  let charts: ChartCluster;
  let ca: Buffer;
  const clients: ApiClient[] = [];

  beforeAll(async () => {
    charts = await startChartCluster("demo", { powerAgent: { logFormat: "text" } });
    ca = await readFile(charts.cluster.api.caFile);
    await addAccountingAndRest(charts, storagePassword);
    const manifests = [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "elsewhere" } },
      {
        apiVersion: "kai.alibabacloud.com/v1",
        kind: "SlurmCluster",
        metadata: { name: "other", namespace: "default" },
        spec: { workerGroupSpecs: [] },
      },
    ];
    for (const manifest of manifests) await kubectl(["apply", "--filename=-"], { input: JSON.stringify(manifest) });
    await charts.inHead("sbatch", "--chdir=/tmp", "--wrap=sleep 1000");
    const state = () => charts.inHead("squeue", "--noheader", "--format=%T %N");
    await waitFor("the job to run", state, (answer) => answer.trim() === `RUNNING ${worker}`, 300_000);
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await charts?.cluster.stop();
  });

  const kubectl: ChartCluster["cluster"]["kubectl"] = (...args) => charts.cluster.kubectl(...args);
  const podOf = async (selector: string): Promise<string> => {
    const name = await kubectl(["get", "pods", `--selector=${selector}`, "--output=name"]);
    return name.trim().replace("pod/", "");
  };
  const operatorPod = (): Promise<string> => podOf("app.kubernetes.io/name=slurm-operator");
  const daemonPod = (type: string): Promise<string> => podOf(`kai.alibabacloud.com/slurm-node-type=${type}`);
  const inPod = (pod: string, ...command: readonly string[]): Promise<string> =>
    kubectl(["exec", pod, "--", ...command]);
  const tokenOf = async (pod: string): Promise<string> => (await inPod(pod, "cat", tokenFile)).trim();
  const clientWith = async (pod: string): Promise<ApiClient> => {
    const credentials = { token: await tokenOf(pod) };
    const client = createApiClient({ url: charts.cluster.api.url, ca, credentials, userAgent: "rights" });
    clients.push(client);
    return client;
  };

  describe("no token where none is needed", () => {
    test("workers, slurmdbd and slurmrestd have no volume with one", async () => {
      for (const pod of [worker, await daemonPod("slurmdbd"), await daemonPod("slurmrestd")]) {
        const volumes = await kubectl(["get", "pod", pod, "--output=jsonpath={.spec.volumes}"]);
        expect(volumes, pod).toContain('"name":"munge"');
        expect(volumes, pod).not.toMatch(/serviceAccountToken|"secretName":"[^"]*-token-/);
      }
      // The head, which needs one, shows that such a volume would be seen.
      expect(await kubectl(["get", "pod", "demo-0", "--output=jsonpath={.spec.volumes}"])).toMatch(
        /serviceAccountToken|"secretName":"[^"]*-token-/,
      );
    });

    test("a worker has neither the file nor anything of it in the environment", async () => {
      expect(
        await inPod(worker, "sh", "-c", "ls -d /run/secrets/kubernetes.io /var/run/secrets/* 2>&1 || true"),
      ).toMatch(/No such file/);
      // In the payload of each such token.
      expect(await inPod(worker, "env")).not.toContain("eyJ");
    });

    test("users of the head cannot read the head's, slurm can", async () => {
      const reading = (user: string) =>
        charts.inHead(
          "setpriv",
          `--reuid=${user}`,
          `--regid=${user === "slurm" ? "slurm" : "nogroup"}`,
          "--clear-groups",
          "cat",
          tokenFile,
        );
      expect(await reading("slurm")).toContain("eyJ");
      await expect(reading("nobody")).rejects.toThrow("Permission denied");
    });
  });

  const inDefault = "/api/v1/namespaces/default";
  const clusters = "/apis/kai.alibabacloud.com/v1/namespaces/default/slurmclusters";
  const merge = { body: { metadata: { labels: { tried: "yes" } } }, contentType: "application/merge-patch+json" };
  const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  test("the head's token allows what agent and copilot need, and nothing else", async () => {
    const client = await clientWith("demo-0");
    expect(await rulesOf(client, "default")).toEqual([
      "events * create+list+patch",
      "pods * delete+get+list+watch",
      "slurmclusters demo get+list+patch+update+watch",
    ]);
    expect(await rulesOf(client, "elsewhere")).toEqual([]);
    await expectAnswers(client, [
      ["GET", `${clusters}/demo`, undefined, 200],
      ["GET", `${inDefault}/pods`, undefined, 200],
      ["GET", `${inDefault}/secrets`, undefined, 403],
      ["GET", `${inDefault}/secrets/demo-munge`, undefined, 403],
      ["GET", `${inDefault}/configmaps/demo-slurm-conf`, undefined, 403],
      ["GET", "/api/v1/namespaces/elsewhere/pods", undefined, 403],
      ["GET", `${clusters}/other`, undefined, 403],
      ["PATCH", `${clusters}/other`, merge, 403],
      ["PATCH", `${clusters}/demo/status`, merge, 403],
      ["DELETE", `${clusters}/demo`, undefined, 403],
      ["POST", `${inDefault}/pods`, { body: {} }, 403],
      ["PATCH", `${inDefault}/pods/${worker}`, merge, 403],
      ["POST", `${inDefault}/pods/${worker}/exec?command=id&stdout=true`, undefined, 403],
      ["GET", `${inDefault}/pods/${worker}/log`, undefined, 403],
      ["GET", "/api/v1/nodes", undefined, 403],
      ["PATCH", `${roles}/demo`, merge, 403],
      ["POST", `${inDefault}/serviceaccounts/slurm-operator/token`, { body: {} }, 403],
    ]);
  });

  test("the operator's token allows what it makes and grants, and nothing else", async () => {
    const client = await clientWith(await operatorPod());
    expect(await rulesOf(client, "elsewhere")).toEqual([
      "deployments * create+delete+get+patch",
      "events * create+list+patch",
      "pods * create+delete+get+list+patch+watch",
      "roles+rolebindings * create+get+patch",
      "serviceaccounts * create+get+patch",
      "services * create+delete+get+patch",
      "slurmclusters * get+list+patch+update+watch",
      "slurmclusters/finalizers * update",
      "slurmclusters/status * patch",
      "statefulsets * create+get+patch",
    ]);
    await expectAnswers(client, [
      ["GET", "/apis/kai.alibabacloud.com/v1/slurmclusters", undefined, 200],
      ["GET", "/api/v1/pods", undefined, 200],
      ["GET", `${inDefault}/secrets`, undefined, 403],
      ["GET", `${inDefault}/secrets/demo-munge`, undefined, 403],
      ["GET", `${inDefault}/configmaps`, undefined, 403],
      ["GET", "/api/v1/nodes", undefined, 403],
      ["GET", "/api/v1/namespaces", undefined, 403],
      ["POST", `${inDefault}/pods/demo-0/exec?command=id&stdout=true`, undefined, 403],
      ["GET", "/apis/batch/v1/jobs", undefined, 403],
      ["GET", "/apis/apps/v1/daemonsets", undefined, 403],
      ["PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/slurm-operator", merge, 403],
      [
        "POST",
        roles,
        {
          body: {
            metadata: { name: "more" },
            rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }],
          },
        },
        403,
      ],
    ]);
  });

  test("no secret is in a log, an Event, a ConfigMap, a command line or an environment", async () => {
    const read = async (name: string, key: string): Promise<Buffer> => {
      const text = await kubectl(["get", "secret", name, `--output=jsonpath={.data.${key}}`]);
      return Buffer.from(text, "base64");
    };
    const key = await read("demo-munge", "munge\\.key");
    expect(key).toHaveLength(128);
    // Of a token the signature is the secret.
    const signature = async (pod: string): Promise<string> => (await tokenOf(pod)).split(".")[2] ?? "";
    const secrets = [
      binarySecret("the munge key", key),
      textSecret("the database's password", storagePassword),
      textSecret("the head's token", await signature("demo-0")),
      textSecret("the operator's token", await signature(await operatorPod())),
    ];
    const places = await readPlaces(charts.cluster);
    expect(findSecrets(places, secrets)).toEqual([]);
    // What is looked through is really there.
    const text = (where: string): string => places.find((place) => place.where === where)?.text ?? "";
    expect(text("log of demo-0/slurmctld")).toContain("slurmctld");
    expect(text("processes and files of demo-0/slurmctld")).toContain("/opt/slurm-power-agent/slurmctld-copilot");
    expect(text("processes and files of demo-0/slurmctld")).toContain("== /var/log/slurm-resume.log");
    expect(text(`processes and files of ${worker}/slurmd`)).toContain("HOSTNAME=");
    expect(text("configmaps")).toContain("ClusterName=demo");
    expect(text("events")).toContain("WorkerCreated");
  });

  describe("files and processes", () => {
    test("files have the owners and modes that their content asks for", async () => {
      const modes = async (pod: string, ...paths: readonly string[]): Promise<string[]> =>
        (await inPod(pod, "stat", "--dereference", "--format=%n %U %a", ...paths)).trim().split("\n");
      expect(
        await modes(
          "demo-0",
          ...["/etc/munge/munge.key", "/var/munge/munge.key", "/etc/slurm/power-agent.yaml", "/var/spool/slurmctld"],
          ...["/run/slurm-power-agent", "/run/slurm-power-agent/copilot.sock", "/run/secrets/kubernetes.io"],
          ...["/var/log/slurm-resume.log", "/var/log/slurm-suspend.log"],
        ),
      ).toEqual([
        "/etc/munge/munge.key munge 400",
        "/var/munge/munge.key root 400",
        "/etc/slurm/power-agent.yaml root 644",
        "/var/spool/slurmctld slurm 700",
        "/run/slurm-power-agent slurm 750",
        "/run/slurm-power-agent/copilot.sock slurm 600",
        "/run/secrets/kubernetes.io root 750",
        "/var/log/slurm-resume.log slurm 640",
        "/var/log/slurm-suspend.log slurm 640",
      ]);
      expect(await modes(worker, "/etc/munge/munge.key", "/var/munge/munge.key")).toEqual([
        "/etc/munge/munge.key munge 400",
        "/var/munge/munge.key root 400",
      ]);
      expect(await modes(await daemonPod("slurmdbd"), "/etc/slurm/slurmdbd.conf", "/etc/munge/munge.key")).toEqual([
        "/etc/slurm/slurmdbd.conf slurm 600",
        "/etc/munge/munge.key munge 400",
      ]);
    });

    // What containerd gives to a container that asks for nothing (oci.defaultUnixCaps).
    const usual = "00000000a80425fb";

    test("each program runs as the user that it should, with no capability beyond the usual ones", async () => {
      const head = await processesIn(charts.cluster, "demo-0");
      expect(head).toEqual(
        expect.arrayContaining([
          `slurmctld slurm ${usual}`,
          `munged munge ${usual}`,
          `slurmctld-copilot slurm ${usual}`,
          `sshd root ${usual}`,
        ]),
      );
      expect(head.filter((line) => /^(slurmctld|munged)/.test(line) && line.includes(" root "))).toEqual([]);
      expect(await processesIn(charts.cluster, worker)).toEqual(
        expect.arrayContaining([`slurmd root ${usual}`, `munged munge ${usual}`]),
      );
      expect([...head, ...(await processesIn(charts.cluster, worker))].filter((line) => !line.endsWith(usual))).toEqual(
        [],
      );
      expect((await processesIn(charts.cluster, await operatorPod()))[0]).toMatch(/ nobody 0{16}$/);
    });

    test("no Pod asks for a privilege or for anything of its machine", async () => {
      const { items } = JSON.parse(await kubectl(["get", "pods", "--output=json"])) as { items: RunningPod[] };
      expect(items.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(["demo-0", worker]));
      for (const { metadata, spec } of items) {
        expect(JSON.stringify(spec), metadata.name).not.toMatch(
          /"(privileged|hostNetwork|hostPID|hostIPC)":true|"hostPath"|"add":\[|"hostPort"/,
        );
      }
    });
  });
});
