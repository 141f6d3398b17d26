import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type ImageStore, openImageStore, whileNobodyBuilds } from "../../scripts/images/store.ts";
import { describeCluster } from "../support/describe-cluster.ts";
import { layerFiles } from "../support/image-files.ts";

const ownImage = "localhost/own-head:test";
const ownBase = "localhost/own-base:test";
const ownWorker = "localhost/own-worker:test";
const hooks = ["slurm-resume", "slurm-suspend", "slurm-resume-fail"];
const headPaths = [
  ...hooks.flatMap((name) => [`/${name}.sh`, `/usr/bin/${name}`]),
  ...["/slurmctld-copilot", "/usr/bin/slurmctld-copilot"],
];

const suite = inject("suite");
let store: ImageStore;
let folder: string;
const containers: string[] = [];
/** Names of the tests' own images, each before those it was made from. */
const built: string[] = [];

/** A container of an image, which lives until the tests are done; runs a command in it as root. */
async function containerOf(image: string): Promise<(...command: string[]) => Promise<string>> {
  // With names of our own: others are removed as left by killed builds.
  const container = `images-test-${process.pid}-${containers.length}`;
  await store.buildah(["from", "--pull-never", "--name", container, image]);
  containers.push(container);
  return (...command) => store.buildah(["run", "--user", "0", container, "--", ...command]);
}

async function build(name: string, ...args: readonly string[]): Promise<void> {
  built.unshift(name);
  const work = () => store.buildah(["build", "--pull-never", "--tag", name, ...args]);
  await whileNobodyBuilds(store, () => process.stderr.write("another build is running, waiting for it\n"), work);
}

/** As slurmctld starts its programs: user slurm, no environment. */
const asSlurm = ["setpriv", "--reuid=slurm", "--regid=slurm", "--clear-groups", "env", "--ignore-environment"];

describeCluster("the images", () => {
  const names = inject("images");
  beforeAll(async () => {
    store = await openImageStore(process.env);
    // Images are large: not in /tmp, which may be memory.
    folder = await mkdtemp("/var/tmp/slurm-power-agent-images-");
  });
  afterAll(async () => {
    if (containers.length > 0) await store.buildah(["rm", ...containers]);
    if (built.length > 0) await store.buildah(["rmi", "--force", ...built]);
    await rm(folder, { recursive: true });
  });

  test.each([
    ["head", "opt/slurm-power-agent/node"],
    ["worker", "usr/sbin/munged"],
    ["operator", "opt/slurm-power-agent/node"],
    ["agent", "opt/slurm-power-agent/node"],
    ["ldap", "etc/ldap/schema/nis.schema"],
    ["mariadb", "usr/sbin/mariadbd"],
  ] as const)("no layer of the image %s holds a secret", async (stage, known) => {
    const layout = join(folder, stage);
    await store.buildah(["push", "--quiet", names[stage], `oci:${layout}:${stage}`]);
    const files = await layerFiles(layout);
    const paths = files.map(({ path }) => path);
    // The reader works: it finds what must be there.
    expect(paths).toContain(known);
    expect(files.filter((file) => file.hasPrivateKey).map(({ path }) => path)).toEqual([]);
    expect(paths.filter((path) => /ssh_host_|munge\.key|\/\.ssh\/|id_(rsa|ed25519|ecdsa)$/.test(path))).toEqual([]);
    // A server that is set up has an administrator.
    expect(paths.filter((path) => /^(etc\/ldap\/slapd\.d|var\/lib\/(ldap|mysql))\//.test(path))).toEqual([]);
  });

  describe("the head", () => {
    let inHead: Awaited<ReturnType<typeof containerOf>>;
    beforeAll(async () => {
      inHead = await containerOf(names.head);
    }, 120_000);

    test.each(headPaths)("slurmctld can run %s", async (path) => {
      expect(await inHead(...asSlurm, path, "--version")).toMatch(/^\d+\.\d+\.\d+/);
    });

    test("nobody but root may change the programs, as Slurm and the copilot demand", async () => {
      const listed = await inHead("find", "-L", "/opt/slurm-power-agent", ...headPaths, "-printf", "%U %m %p\\n");
      const writable = listed.split("\n").filter((line) => {
        const [owner, mode] = line.split(" ");
        return owner !== "0" || (Number.parseInt(mode as string, 8) & 0o022) !== 0;
      });
      expect(writable).toEqual([]);
    });

    test("user slurm has the number that Debian gives it, and the folder of the copilot's socket", async () => {
      expect(await inHead("id", "--user", "slurm")).toBe("64030");
      expect(await inHead("stat", "--format", "%U %a", "/run/slurm-power-agent")).toBe("slurm 750");
    });

    test("the machine's identity is empty, each container gets its own", async () => {
      expect(await inHead("cat", "/etc/machine-id")).toBe("");
    });

    test("sshd starts once it has a host key, and takes no unknown option", async () => {
      await inHead("ssh-keygen", "-q", "-A");
      expect(await inHead("/usr/sbin/sshd", "-t", "-f", "/etc/ssh/sshd_config")).toBe("");
    });

    test("munged starts once it has a key, and makes credentials that slurm can read", async () => {
      await inHead("dd", "if=/dev/urandom", "of=/etc/munge/munge.key", "bs=128", "count=1", "status=none");
      await inHead(
        "install",
        "-o",
        "munge",
        "-g",
        "munge",
        "-m",
        "0400",
        "/etc/munge/munge.key",
        "/etc/munge/munge.key2",
      );
      await inHead("mv", "/etc/munge/munge.key2", "/etc/munge/munge.key");
      const script =
        "setpriv --reuid=munge --regid=munge --clear-groups munged --foreground & trap 'kill $!' EXIT; " +
        "until [ -S /run/munge/munge.socket.2 ]; do sleep 0.1; done; munge --no-input | setpriv --reuid=slurm --regid=slurm --clear-groups unmunge";
      expect(await inHead("bash", "-c", script)).toContain("STATUS:          Success (0)");
    });

    test("logrotate understands its settings", async () => {
      await expect(inHead("logrotate", "--debug", "/etc/logrotate.d/slurm-power-agent")).resolves.toBeDefined();
    });

    test("LDAP is off: without its daemon names are looked up in files, without delay", async () => {
      expect(await inHead("getent", "passwd", "slurm")).toContain("64030");
      // By its exit code: what a program says last, buildah does not always pass on.
      expect(await inHead("test", "!", "-e", "/etc/nslcd.conf")).toBe("");
    });
  });

  test("an image of one's own needs one line", async () => {
    const dockerfile = join(folder, "own.Dockerfile");
    await writeFile(dockerfile, `FROM localhost/debian:${suite}\nCOPY --from=${names.agent} / /\n`);
    await build(ownImage, "--file", dockerfile, folder);
    const inOwn = await containerOf(ownImage);
    for (const path of headPaths) {
      expect(await inOwn("env", "--ignore-environment", path, "--version")).toMatch(/^\d+\.\d+\.\d+/);
    }
  });

  test("a worker can be built on another base, such as one with CUDA, whose files and variables stay", async () => {
    const dockerfile = join(folder, "base.Dockerfile");
    // As images with CUDA are made: files in a layer of their own, and variables that programs look at.
    await writeFile(
      dockerfile,
      [
        `FROM localhost/debian:${suite}`,
        "RUN install -d /usr/local/cuda && echo 12.4 >/usr/local/cuda/version",
        "ENV CUDA_VERSION=12.4 PATH=/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "",
      ].join("\n"),
    );
    await build(ownBase, "--file", dockerfile, folder);
    const options = ["--build-arg", `BASE=${ownBase}`, "--target", "worker"];
    await build(ownWorker, ...options, join(import.meta.dirname, "../../image"));
    const inWorker = await containerOf(ownWorker);
    expect(await inWorker("slurmd", "-V")).toBe(await (await containerOf(names.worker))("slurmd", "-V"));
    expect(await inWorker("cat", "/usr/local/cuda/version")).toBe("12.4");
    expect(await inWorker("printenv", "CUDA_VERSION", "PATH")).toMatch(/^12\.4\n\/usr\/local\/cuda\/bin:/);
    expect(await inWorker("test", "!", "-e", "/etc/munge/munge.key")).toBe("");
  });

  test("a worker has slurmd, srun for the jobs, and nothing of the agent", async () => {
    const inWorker = await containerOf(names.worker);
    expect(await inWorker("slurmd", "-V")).toMatch(/^slurm/);
    expect(await inWorker("readlink", "--canonicalize-existing", "/usr/bin/srun")).toContain("srun");
    expect(await inWorker("test", "!", "-e", "/opt/slurm-power-agent")).toBe("");
  });

  test.each(["operator", "ldap", "mariadb"] as const)("the image %s is for nobody", async (stage) => {
    const user = ["inspect", "--type", "image", "--format", "{{.OCIv1.Config.User}}", names[stage]];
    expect(await store.buildah(user)).toBe("65534:65534");
  });

  test("nobody can run the operator", async () => {
    const inOperator = await containerOf(names.operator);
    const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    expect(await inOperator(...asNobody, "/opt/slurm-power-agent/slurm-operator", "--version")).toMatch(
      /^\d+\.\d+\.\d+/,
    );
  });
});
