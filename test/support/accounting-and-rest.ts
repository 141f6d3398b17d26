import { inject } from "vitest";
import type { ChartCluster } from "./chart-cluster.ts";
import { waitFor } from "./wait-for.ts";

/**
 * Adds Pods of slurmdbd and slurmrestd to a cluster, started by the operator's scripts. slurmdbd's database does not exist, and
 * slurmctld takes no tokens, so neither is of use; their files and rights are as usual.
 *
 * @param password of the database
 */
export async function addAccountingAndRest({ name, cluster }: ChartCluster, password: string): Promise<void> {
  const settings = {
    DbdHost: `${name}-slurmdbd`,
    SlurmUser: "slurm",
    StorageType: "accounting_storage/mysql",
    StorageHost: "127.0.0.1",
    StoragePass: password,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  const secret = `${name}-own-dbd`;
  await cluster.kubectl(["create", "secret", "generic", secret, `--from-literal=slurmdbd.conf=${lines.join("")}`]);
  const template = (container: string, sources: readonly object[]) => ({
    spec: {
      containers: [
        {
          name: container,
          image: inject("images").head,
          imagePullPolicy: "IfNotPresent",
          resources: { requests: { cpu: "10m" } },
          volumeMounts: [
            { name: "munge", mountPath: "/var/munge" },
            { name: "conf", mountPath: "/var/slurm" },
          ],
        },
      ],
      volumes: [
        { name: "munge", secret: { secretName: `${name}-munge`, defaultMode: 0o400 } },
        { name: "conf", projected: { sources: [{ configMap: { name: `${name}-slurm-conf` } }, ...sources] } },
      ],
    },
  });
  const spec = {
    slurmdbd: { template: template("slurmdbd", [{ secret: { name: secret } }]) },
    slurmrestd: { template: template("slurmrestd", []) },
  };
  await cluster.kubectl(["patch", "slurmcluster", name, "--type=merge", `--patch=${JSON.stringify({ spec })}`]);
  const created = async (type: string): Promise<string> =>
    cluster.kubectl(["get", "pods", `--selector=kai.alibabacloud.com/slurm-node-type=${type}`, "--output=name"]);
  for (const type of ["slurmdbd", "slurmrestd"]) await waitFor(`${type}'s Pod`, () => created(type), Boolean, 120_000);
  const file = () => cluster.kubectl(["exec", `deployment/${name}-slurmdbd`, "--", "ls", "/etc/slurm/slurmdbd.conf"]);
  await waitFor("slurmdbd's configuration", file, Boolean, 300_000);
}
