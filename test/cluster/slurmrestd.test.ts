/** slurmrestd, switched on with the very files that docs/install.md shows, and asked over HTTP. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { parse } from "yaml";
import { type ChartCluster, patience, startChartCluster } from "../support/chart-cluster.ts";
import { describeHelmCluster } from "../support/describe-cluster.ts";
import { untilSlurmctldAnswers } from "../support/trial-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

/** What the section on slurmrestd writes into this file. */
async function documented(file: string): Promise<string> {
  const text = await readFile(new URL("../../docs/install.md", import.meta.url), "utf8");
  const section = text.split("\n### slurmrestd\n")[1]?.split("\n## ")[0] ?? "";
  const content = new RegExp(`cat >+${file} <<'END'\\n([\\s\\S]*?)\\n {4}END\\n`).exec(section)?.[1];
  if (content === undefined) throw new Error(`docs/install.md no longer writes ${file} for slurmrestd`);
  return content.replaceAll(/^ {4}/gm, "");
}

interface Answer {
  readonly code: number;
  readonly body: string;
}

// Each test goes on where the one before ended.
describeHelmCluster(`slurmrestd as docs/install.md switches it on (${inject("suite")})`, () => {
  const key = randomBytes(32);
  let demo: ChartCluster;
  let patch: string;
  let token: string;
  let ping: string;
  const kubectl = (...args: string[]): Promise<string> => demo.cluster.kubectl(args);

  beforeAll(async () => {
    demo = await startChartCluster("demo", { state: { type: "claim", size: "1Gi" } });
  });
  afterAll(() => demo?.cluster.stop());

  /** Does something that starts the head anew, and waits until slurmctld answers again. */
  const withNewHead = async (act: () => Promise<unknown>): Promise<void> => {
    const before = await demo.podUid("demo-0");
    await act();
    await waitFor(
      "another head",
      () => demo.podUid("demo-0"),
      (uid) => uid !== before,
      patience,
    );
    await untilSlurmctldAnswers(demo.cluster, "demo");
  };
  const apply = (): Promise<string> => kubectl("patch", "slurmcluster", "demo", "--type=json", `--patch-file=${patch}`);
  const asNobody = (...command: string[]): Promise<string> =>
    demo.inHead("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", ...command);

  /** Asks slurmrestd through its Service. */
  const ask = async (path: string, shown?: string): Promise<Answer> => {
    const headers = [
      "Accept: application/json",
      ...(shown === undefined ? [] : ["X-SLURM-USER-NAME: nobody", `X-SLURM-USER-TOKEN: ${shown}`]),
    ];
    const options = ["--silent", "--show-error", "--max-time", "60", "--write-out", "\n%{http_code}"];
    const url = `http://demo-slurmrestd:6820${path}`;
    const told = await demo.inHead("curl", ...options, ...headers.flatMap((each) => ["--header", each]), url);
    const [, body = "", code] = /^([\s\S]*)\n(\d+)$/.exec(told) ?? [];
    return { code: Number(code), body };
  };
  /** Whether slurmctld is up in an answer to a ping; each version of the API has one or two of these words for it. */
  const isUp = ({ body }: Answer): boolean => /"ping(ed)?": ?"UP"|"responding": ?true/.test(body);

  test("the key comes to slurmctld and to nobody else", async () => {
    const file = join(demo.cluster.folder, "jwt_hs256.key");
    await writeFile(file, key);
    await kubectl("create", "secret", "generic", "demo-jwt", `--from-file=jwt_hs256.key=${file}`);
    patch = join(demo.cluster.folder, "slurmrestd.yaml");
    await writeFile(patch, (await documented("slurmrestd.yaml")).replaceAll(":bookworm", `:${inject("suite")}`));
    await withNewHead(apply);
    expect(await apply()).toContain("patched (no change)");

    const paths = ["/etc/slurm/jwt_hs256.key", "/var/slurm/jwt_hs256.key"];
    expect(await demo.inHead("stat", "--dereference", "--format=%U %a", ...paths)).toBe("slurm 600\nroot 400\n");
    expect(await demo.inHead("base64", "--wrap=0", ...paths.slice(0, 1))).toBe(key.toString("base64"));
    expect(await kubectl("logs", "demo-0")).not.toContain("every user here can read");
  });

  test("slurmrestd runs, as nobody and without the key", async () => {
    await kubectl("rollout", "status", "deployment/demo-slurmrestd", "--timeout=180s");
    const inPod = (...command: string[]): Promise<string> =>
      kubectl("exec", "deployment/demo-slurmrestd", "--", ...command);
    expect(await inPod("ps", "-C", "slurmrestd", "-o", "user=")).toBe("nobody\n");
    expect(await inPod("ls", "/etc/slurm", "/var/slurm")).not.toContain("jwt");
  });

  test("the chart's upgrade tells slurmctld of it and leaves the patch; users get tokens for themselves alone", async () => {
    await withNewHead(async () => demo.upgrade(parse(await documented("demo.yaml")) as object));
    token = /^SLURM_JWT=(\S+)\n$/.exec(await asNobody("scontrol", "token", "lifespan=3600"))?.[1] ?? "";
    expect(token).toMatch(/^eyJ/);
    await expect(asNobody("scontrol", "token", "username=root")).rejects.toThrow();
  });

  test("with a token it answers 200, also for the versions that it serves", async () => {
    const { code, body } = await ask("/openapi/v3", token);
    expect(code).toBe(200);
    const version = (path: string): number => Number(/^\/slurm\/v0\.0\.(\d+)\/ping\/?$/.exec(path)?.[1] ?? Number.NaN);
    const pings = Object.keys((JSON.parse(body) as { readonly paths: object }).paths).filter(
      (path) => version(path) > 0,
    );
    ping = pings.sort((one, other) => version(other) - version(one))[0] ?? "";
    const newest = { bookworm: 38, trixie: 42, sid: 45 }[inject("suite")];
    expect(version(ping)).toBe(newest);
    for (const path of pings) {
      const answer = await ask(path, token);
      expect([path, answer.code, isUp(answer)]).toEqual([path, 200, true]);
    }
    const nodes = await ask(ping.replace("ping", "nodes"), token);
    expect([nodes.code, nodes.body]).toEqual([200, expect.stringContaining("demo-worker-cpu-0")]);
  });

  test("without a token it answers 401, and one that slurmctld has not signed is of no use", async () => {
    for (const path of [ping, "/openapi/v3"]) expect((await ask(path)).code, path).toBe(401);
    const [header, content, signature = ""] = token.split(".");
    const forged = [header, content, [...signature].reverse().join("")].join(".");
    expect(isUp(await ask(ping, forged))).toBe(false);
    const nodes = await ask(ping.replace("ping", "nodes"), forged);
    expect(nodes.code).toBeGreaterThanOrEqual(400);
    expect(nodes.body).not.toContain("demo-worker-cpu-0");
  });

  test("it ends when it is told to, long before its grace is over", async () => {
    const pod = "--selector=kai.alibabacloud.com/slurm-node-type=slurmrestd";
    await kubectl("delete", "pod", pod, "--grace-period=600", "--timeout=120s");
    await kubectl("rollout", "status", "deployment/demo-slurmrestd", "--timeout=180s");
    expect((await ask(ping, token)).code).toBe(200);
  });

  test("an upgrade that changes the head's volumes takes the key away, and the patch brings it back", async () => {
    const volume = {
      extraVolumes: [{ name: "scratch", emptyDir: {} }],
      extraVolumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
    };
    const volumes = (): Promise<string> =>
      kubectl("get", "slurmcluster", "demo", "--output=jsonpath={.spec.slurmctld.template.spec.volumes[*].name}");
    await withNewHead(async () => {
      await demo.upgrade({ ...(parse(await documented("demo.yaml")) as object), ...volume });
      expect(await volumes()).toBe("munge slurm-conf scratch state");
      await apply();
    });
    await waitFor("an answer", () => ask(ping, token), isUp, patience);
    expect(await demo.inHead("stat", "--format=%F", "/scratch")).toBe("directory\n");
  });
});
