import { createHash } from "node:crypto";
import { chmod, chown, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openImageStore } from "../../scripts/images/store.ts";
import { type ChartCluster, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { untilSlurmctldAnswers } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const password = "down the rabbit hole";
const alice = { name: "alice", uid: 10_001, passwordHash: sshaOf(password) };

/** As `slappasswd` makes it: SHA-1 of password and salt, and the salt. */
function sshaOf(text: string): string {
  const salt = "salt";
  const digest = createHash("sha1")
    .update(text + salt)
    .digest();
  return `{SSHA}${Buffer.concat([digest, Buffer.from(salt)]).toString("base64")}`;
}

const values = {
  state: { type: "claim", size: "1Gi" },
  home: { type: "claim", size: "1Gi" },
  ssh: { enabled: true, serviceType: "ClusterIP" },
  ldap: { enabled: true, server: { enabled: true, users: [alice] } },
};

/** A claim and its volume, a folder of the machine. Of this kind of storage a Pod's fsGroup gets all files, as of most. */
const localVolume = (name: string, folder: string): string => `apiVersion: v1
kind: PersistentVolume
metadata: {name: ${name}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany, ReadWriteOnce]
  storageClassName: site
  local: {path: ${folder}}
  nodeAffinity:
    required:
      nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: Exists}]}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ${name}}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: site
  volumeName: ${name}
  resources: {requests: {storage: 1Gi}}
---
`;

const accounting = {
  accounting: { enabled: true, mariadb: { enabled: true, size: "1Gi" } },
  extraVolumes: [{ name: "site", persistentVolumeClaim: { claimName: "site" } }],
  extraVolumeMounts: [{ name: "site", mountPath: "/site" }],
};

// Each test goes on where the one before ended.
describeHelmCluster("users from LDAP, and later accounting", () => {
  const images = inject("images");
  let demo: ChartCluster;
  let siteFile: string;
  const kubectl = (...args: string[]): Promise<string> => demo.cluster.kubectl(args);

  beforeAll(async () => {
    demo = await startChartCluster("demo", values, [images.ldap]);
    await kubectl("rollout", "status", "deployment/demo-ldap", "--timeout=180s");
    await kubectl("run", "client", `--image=${images.head}`, "--restart=Never", "--command", "--", "sleep", "infinity");
    await kubectl("wait", "pod/client", "--for=condition=Ready", "--timeout=180s");
    await inClient("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519");
    await demo.cluster.kubectl(["exec", "--stdin", "client", "--", "tee", "/root/ask"], {
      input: '#!/bin/sh\nprintf "%s\\n" "$PASSWORD"\n',
    });
    await inClient("chmod", "0700", "/root/ask");
  });
  afterAll(() => demo?.cluster.stop());

  const inClient = (...command: string[]): Promise<string> => kubectl("exec", "client", "--", ...command);

  /** Runs a command in the head through the Service, with ssh and this password; without one, with the client's key. */
  const login = (user: string, command: string, given?: string): Promise<string> =>
    inClient(
      "env",
      ...[`PASSWORD=${given ?? ""}`, "SSH_ASKPASS=/root/ask", "SSH_ASKPASS_REQUIRE=force"],
      ...["ssh", "-o", "StrictHostKeyChecking=accept-new", "-o", "NumberOfPasswordPrompts=1"],
      ...["-o", `PreferredAuthentications=${given === undefined ? "publickey" : "password"}`],
      ...[`${user}@demo-ssh`, command],
    );

  const jobsOf = (user: string): Promise<string> =>
    demo.inHead(
      "sacct",
      "--noheader",
      "--parsable2",
      "--allocations",
      `--user=${user}`,
      "--format=JobID,State,NodeList",
    );

  test("a user logs in by password through the Service, and finds a home folder of her own", async () => {
    const told = await waitFor(
      "a login",
      () => login("alice", 'id; pwd; echo "$SHELL"; stat --format="%U %G %a" .; ls .profile', password),
      (text) => text !== "",
      120_000,
    );
    expect(told.split("\n")).toEqual([
      "uid=10001(alice) gid=10001(alice) groups=10001(alice)",
      ...["/home/alice", "/bin/bash", "alice alice 700", ".profile", ""],
    ]);
  });

  test("a wrong password is refused, and root's even if it is right", async () => {
    const refused = "Permission denied (publickey,password)";
    await expect(login("alice", "true", "white rabbit")).rejects.toThrow(refused);
    await expect(login("nobody-of-that-name", "true", password)).rejects.toThrow(refused);
    await demo.inHead("bash", "-c", `echo 'root:${password}' | chpasswd`);
    await expect(login("root", "true", password)).rejects.toThrow(refused);
  });

  test("a key in her home folder lets her in without a password", async () => {
    const refused = "Permission denied (publickey,password)";
    await expect(login("alice", "true")).rejects.toThrow(refused);
    const key = (await inClient("cat", "/root/.ssh/id_ed25519.pub")).trim();
    await login("alice", `umask 077; mkdir .ssh; echo '${key}' >.ssh/authorized_keys`, password);
    expect(await login("alice", "whoami")).toBe("alice\n");
  });

  test("her job runs on a worker as herself, and writes to the shared /home, which she reads on the head", async () => {
    expect(await login("alice", "sinfo --noheader --format='%D %T'")).toBe("4 idle~\n");
    const submitted = await login("alice", "sbatch --wait --output=told.txt --wrap='srun id; hostname; pwd'");
    expect(submitted).toBe("Submitted batch job 1\n");
    expect(await login("alice", "cat told.txt")).toBe(
      "uid=10001(alice) gid=10001(alice) groups=10001(alice)\ndemo-worker-cpu-0\n/home/alice\n",
    );
    expect(await demo.inHead("stat", "--format=%u %g", "/home/alice/told.txt")).toBe("10001 10001\n");
  });

  test("what is the cluster's own is not hers: the token of the Pod and the keys", async () => {
    const token = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    for (const path of [
      token,
      "/etc/munge/munge.key",
      "/var/munge/munge.key",
      "/etc/nslcd.conf",
      "/var/nslcd/nslcd.conf",
    ]) {
      expect(await demo.inHead("stat", "--dereference", "--format=%F", path)).toBe("regular file\n");
      await expect(login("alice", `cat ${path}`)).rejects.toThrow("Permission denied");
    }
  });

  test("accounting is switched on, and the database is late: the head waits, and serves when it is there", async () => {
    const folders = ["site", "database"].map((name) => join(demo.cluster.folder, name));
    for (const folder of folders) await mkdir(folder, { mode: 0o755 });
    const [site = "", database = ""] = folders;
    siteFile = join(site, "key");
    await writeFile(siteFile, "hers alone\n");
    await chown(siteFile, alice.uid, alice.uid);
    await chmod(siteFile, 0o600);
    const volumes = localVolume("site", site) + localVolume("data-demo-mariadb-0", database);
    await demo.cluster.kubectl(["apply", "--filename=-"], { input: volumes });

    const head = (): Promise<string> => kubectl("get", "pod", "demo-0", "--output=jsonpath={.metadata.uid}");
    const before = await head();
    await demo.upgrade(accounting);
    await waitFor("another head", head, (uid) => uid !== before, 180_000);
    await waitFor(
      "slurmdbd, which misses the database",
      () => kubectl("logs", "deployment/demo-slurmdbd"),
      (log) => log.includes("The database must be up"),
      180_000,
    );
    await demo.cluster.loadImage(await openImageStore(process.env), images.mariadb);
    // The kubelet asks for an image that it missed less and less often; for a new Pod it asks at once.
    await kubectl("delete", "pod", "demo-mariadb-0");
    await untilSlurmctldAnswers(demo.cluster, "demo");
    const registered = await waitFor(
      "the cluster to be registered",
      () => demo.inHead("sacctmgr", "--noheader", "--parsable2", "show", "cluster", "format=Cluster,ControlHost"),
      (line) => /^demo\|\d/.test(line),
      180_000,
    );
    expect(await kubectl("logs", "deployment/demo-slurmdbd")).not.toContain("not supported by Slurm");
    expect(registered).toBe(`demo|${await kubectl("get", "pod", "demo-0", "--output=jsonpath={.status.podIP}")}\n`);
  });

  test("the new head is the same host for ssh, and has left the site's files as they were", async () => {
    // ssh refuses a host whose key is another one than at the first login.
    expect(
      await waitFor(
        "a login",
        () => login("alice", "cat told.txt"),
        () => true,
        120_000,
      ),
    ).toContain("alice");
    expect(await demo.inHead("stat", "--format=%F", "/site/key")).toBe("regular file\n");
    const { uid, gid, mode } = await stat(siteFile);
    expect([uid, gid, mode & 0o777]).toEqual([alice.uid, alice.uid, 0o600]);
  });

  test("a job is in the accounts with its user, node and end", async () => {
    const submitted = await login("alice", "sbatch --parsable --wait --output=/dev/null --wrap='srun true'");
    const job = submitted.trim();
    await waitFor(
      "the record",
      () => jobsOf("alice"),
      (records) => records.includes(`${job}|COMPLETED|demo-worker-cpu-`),
      120_000,
    );
  });

  test("a job that ends while slurmdbd and the database are away is in the accounts later", async () => {
    const state = (job: string): Promise<string> =>
      demo.inHead("squeue", "--noheader", "--states=all", `--jobs=${job}`, "--format=%T");
    const job = (
      await login("alice", "sbatch --parsable --output=/dev/null --wrap='until [ -e end ]; do sleep 1; done'")
    ).trim();
    await waitFor(
      "the job to run",
      () => state(job),
      (found) => found === "RUNNING\n",
      180_000,
    );
    await waitFor(
      "its start in the accounts",
      () => jobsOf("alice"),
      (records) => records.includes(`${job}|RUNNING`),
      120_000,
    );
    await kubectl("scale", "statefulset/demo-mariadb", "--replicas=0");
    await kubectl("wait", "pod/demo-mariadb-0", "--for=delete", "--timeout=120s");
    await kubectl("delete", "pod", "--selector=kai.alibabacloud.com/slurm-node-type=slurmdbd");
    await login("alice", "touch end");
    await waitFor(
      "the end of the job",
      () => state(job),
      (found) => found === "COMPLETED\n",
      120_000,
    );
    await expect(jobsOf("alice")).rejects.toThrow(/slurmdbd/);
    await kubectl("scale", "statefulset/demo-mariadb", "--replicas=1");
    await waitFor(
      "its end in the accounts",
      () => jobsOf("alice"),
      (records) => records.includes(`${job}|COMPLETED`),
      240_000,
    );
  });

  test("the database's password is in no log, argument or environment, and no other way leads in", async () => {
    const encoded = await kubectl("get", "secret", "demo-slurmdbd", "--output=jsonpath={.data.password}");
    const secret = Buffer.from(encoded, "base64").toString();
    expect(secret).toHaveLength(32);
    const slurmdbd = "deployment/demo-slurmdbd";
    for (const pod of ["demo-0", slurmdbd, "demo-mariadb-0"]) {
      expect(await kubectl("logs", pod)).not.toContain(secret);
      const processes = await kubectl("exec", pod, "--", "bash", "-c", "cat /proc/[0-9]*/cmdline; env");
      expect(processes).toContain("PATH=");
      expect(processes).not.toContain(secret);
    }
    // The search finds it where it must be, in slurmdbd's settings for slurmdbd alone.
    const filesWith = (pod: string): Promise<string> =>
      kubectl(
        "exec",
        pod,
        "--",
        "bash",
        "-c",
        `grep --recursive --files-with-matches ${secret} /etc /run /tmp /var/log || true`,
      );
    expect(await filesWith(slurmdbd)).toBe("/etc/slurm/slurmdbd.conf\n");
    expect(await kubectl("exec", slurmdbd, "--", "stat", "--format=%U %a", "/etc/slurm/slurmdbd.conf")).toBe(
      "slurm 600\n",
    );
    expect(await filesWith("demo-0")).toBe("");

    const sql = (...options: string[]): Promise<string> =>
      kubectl("exec", "demo-mariadb-0", "--", "mariadb", ...options, "--batch", "--execute=show databases");
    expect(await sql()).toContain("slurm_acct_db");
    for (const user of ["root", "nobody", "slurm"]) {
      await expect(sql("--protocol=tcp", "--host=127.0.0.1", `--user=${user}`)).rejects.toThrow("Access denied");
    }
  });
});
