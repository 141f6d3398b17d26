/** `npm run cluster`: what a user does with it, and that nothing is left of it, however it ends. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { expectTracesGone, type Traces, tracesOf } from "../support/cluster-traces.ts";
import { describeCluster } from "../support/describe-cluster.ts";
import { processesMentioning } from "../support/processes-mentioning.ts";
import { waitFor } from "../support/wait-for.ts";

const program = join(import.meta.dirname, "../../scripts/cluster/main.ts");
const run = promisify(execFile);

describeCluster("npm run cluster", () => {
  let parent: string;
  let folder: string;
  const command = async (...args: readonly string[]): Promise<string> =>
    (await run(process.execPath, [program, ...args, "--folder", folder])).stdout.trim();
  const kubectl = async (...args: readonly string[]): Promise<string> =>
    (await run(await command("kubectl"), [`--kubeconfig=${await command("kubeconfig")}`, ...args])).stdout;
  const keeper = (): number => Number(readFileSync(`${folder}.pid`, "utf8"));

  beforeAll(() => {
    parent = mkdtempSync("/var/tmp/slurm-power-agent-test-");
    folder = join(parent, "cluster");
  });
  afterAll(async () => {
    await command("down");
    rmSync(parent, { recursive: true });
  });

  async function expectNothingLeft(traces: Traces): Promise<void> {
    expect(await processesMentioning(folder)).toEqual([]);
    expectTracesGone(traces);
    expect(readdirSync(parent)).toEqual([]);
  }

  test("up, a Pod with an image that was loaded and a volume that was claimed, down", async () => {
    await command("up");
    await command("load", inject("images").worker);
    const script = "hostname >/data/name; exec sleep infinity";
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "probe" },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "probe",
            image: inject("images").worker,
            imagePullPolicy: "Never",
            command: ["bash", "-c", script],
            volumeMounts: [{ name: "data", mountPath: "/data" }],
          },
        ],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
      },
    };
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteMany"], resources: { requests: { storage: "1Mi" } } },
    };
    const applying = run(await command("kubectl"), [
      ...[`--kubeconfig=${await command("kubeconfig")}`, "apply", "--filename=-"],
    ]);
    applying.child.stdin?.end(JSON.stringify({ apiVersion: "v1", kind: "List", items: [claim, pod] }));
    await applying;
    await kubectl("wait", "pod/probe", "--for=condition=Ready", "--timeout=120s");
    expect(await kubectl("exec", "probe", "--", "cat", "/data/name")).toBe("probe\n");
    expect(await command("status")).toContain("probe");

    const traces = await tracesOf(folder);
    await command("down");
    await expectNothingLeft(traces);
  });

  test("a second one in the same folder is refused, and the first one stays", async () => {
    await command("up");
    await expect(command("up")).rejects.toThrow(`a cluster is up already in ${folder} (process ${keeper()})`);
    expect(await kubectl("get", "nodes")).toContain("Ready");
  });

  test("when its keeper is killed all its programs end, and down removes the files", async () => {
    const traces = await tracesOf(folder);
    expect((await processesMentioning(folder)).length).toBeGreaterThan(5);
    process.kill(keeper(), "SIGKILL");
    await waitFor(
      "the end of all programs",
      () => processesMentioning(folder),
      (left) => left.length === 0,
      20_000,
    );
    await expect(command("status")).rejects.toThrow("no cluster is up");
    await command("down");
    await expectNothingLeft(traces);
  });

  test("ended while it starts, it leaves nothing", async () => {
    const starting = run(process.execPath, [program, "up", "--folder", folder]);
    // Its failure is looked at below.
    starting.catch(() => {});
    const traces = await tracesOf(folder);
    await delay(1000);
    starting.child.kill("SIGINT");
    await expect(starting).rejects.toThrow("it was ended while starting");
    expect(readFileSync(`${folder}.log`, "utf8")).toBe("");
    rmSync(`${folder}.log`);
    await expectNothingLeft(traces);
  });
});
