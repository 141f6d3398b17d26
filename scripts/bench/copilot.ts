/** The copilot at scale: what a round costs, what it asks of others, how soon it acts, and what it keeps. */
import { setTimeout as delay } from "node:timers/promises";
import { call } from "../../test/support/stand-in-api.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import type { ControlPlane } from "../cluster/control-plane.ts";
import { type Benchmark, check, type Row } from "./benchmark.ts";
import { type Site, startSite } from "./copilot-site.ts";
import { processUsage } from "./process-usage.ts";
import { median } from "./statistics.ts";

const sizes = [
  { nodes: 10, pods: 5 },
  { nodes: 1000, pods: 200 },
  { nodes: 10_000, pods: 2000 },
] as const;

/** How long a steady state is watched, in milliseconds. */
const WINDOW = 60_000;

/** Rounds of an hour, one every ten seconds. */
const HOUR = 360;

/** The copilot beside a real slurmctld with 10, 1,000 and 10,000 cloud nodes. */
export const copilot: Benchmark = {
  name: "copilot",
  run: async ({ installation, controlPlane, progress }) => {
    const api = await controlPlane();
    const steady: Row[] = [];
    const traffic: Row[] = [];
    const memory: Row[] = [];
    for (const { nodes, pods } of sizes) {
      const cluster = `copilot-${nodes}`;
      const site = await progress.step(`${nodes} nodes, ${pods} Pods`, () =>
        startSite({ controlPlane: api, installation, cluster, nodes, pods }),
      );
      try {
        const measured = await measureSteadyState(api, site);
        if (nodes === 1000) memory.push(...(await progress.step("an hour in short", () => liveAnHour(site))));
        const latency = await measureLatency(api, site);
        const { resident, peak } = await processUsage(site.pid);
        const title = `${nodes.toLocaleString("en")} nodes, ${pods.toLocaleString("en")} Pods`;
        steady.push([title, measured.ownCpu, measured.childrenCpu, latency, resident, peak]);
        const { apiCalls, apiBytes, slurmCalls, slurmBytes, polling } = measured;
        traffic.push([`${title}: copilot`, apiCalls, apiBytes / 1000, slurmCalls, slurmBytes / 1000]);
        traffic.push([
          `${title}: polling`,
          polling.apiCalls,
          polling.apiBytes / 1000,
          polling.slurmCalls,
          polling.slurmBytes / 1000,
        ]);
      } finally {
        await site.stop();
      }
    }
    return [
      {
        about:
          "A real slurmctld, and Pods of 10 kB as objects of a real kube-apiserver; three nodes run a slurmd, the others of those with Pods are " +
          "powering up. CPU is that of one round, its own and that of the `scontrol` it runs. Latency is from the answer to `DELETE` of a running " +
          "node's Pod to the node's DOWN in slurmctld's log, median of three. Targets at 10,000 nodes: 500 ms of its own, 150 MB.",
        columns: ["", "own CPU ms a round", "scontrol CPU ms a round", "latency ms", "resident MB", "peak MB"],
        rows: steady,
      },
      {
        about:
          "In a steady state, in a minute; to the API with TLS, from slurmctld as text. kube-apiserver's audit log shows no LIST of the copilot " +
          "in that time; its watches are renewed every four to five minutes, and every ten minutes it lists anew. Polling is what a program without watches would do every ten seconds: LIST the Pods, GET the SlurmCluster, and " +
          "`scontrol show node`.",
        columns: ["", "API calls", "API kB", "scontrol calls", "scontrol kB"],
        rows: traffic,
      },
      {
        about: `${HOUR} rounds, as many as there are in an hour, each after a change of a Pod, with 1,000 nodes and 200 Pods.`,
        columns: ["after rounds", "resident MB"],
        rows: memory,
      },
    ];
  },
};

const isRound = (call: string): boolean => call.endsWith("show node");

async function measureSteadyState(api: ControlPlane, site: Site) {
  const before = await readCounters(api, site);
  await delay(WINDOW);
  const after = await readCounters(api, site);
  const minutes = (after.at - before.at) / 60_000;
  const slurmCalls = after.calls.slice(before.calls.length);
  const rounds = slurmCalls.filter(isRound).length;
  check(`${rounds} rounds in ${minutes} minutes`, rounds >= 2);
  const apiCalls = after.events.slice(before.events.length).filter(isCopilots);
  check(
    "no LIST in a steady state",
    apiCalls.every(({ verb }) => verb !== "list"),
  );
  check(
    "nothing is changed in a steady state",
    apiCalls.every(({ verb }) => !["create", "delete"].includes(verb)),
  );
  let slurmBytes = 0;
  for (const command of new Set(slurmCalls)) {
    const { length } = await site.slurm.scontrol(...command.split(" "));
    slurmBytes += length * slurmCalls.filter((made) => made === command).length;
  }
  const list = await call<object>(api.request, [200], "GET", "/api/v1/namespaces/default/pods");
  const nodes = await site.slurm.scontrol("-o", "show", "node");
  return {
    ownCpu: (after.usage.ownCpu - before.usage.ownCpu) / rounds,
    childrenCpu: (after.usage.childrenCpu - before.usage.childrenCpu) / rounds,
    apiCalls: Math.round(apiCalls.length / minutes),
    apiBytes: (after.bytes - before.bytes) / minutes,
    slurmCalls: Math.round(slurmCalls.length / minutes),
    slurmBytes: slurmBytes / minutes,
    polling: { apiCalls: 12, apiBytes: 6 * JSON.stringify(list).length, slurmCalls: 6, slurmBytes: 6 * nodes.length },
  };
}

async function readCounters(api: ControlPlane, site: Site) {
  return {
    at: performance.now(),
    usage: await processUsage(site.pid),
    calls: await site.scontrolCalls(),
    events: await api.auditEvents(),
    bytes: site.traffic.bytes(),
  };
}

function isCopilots({ userAgent = "" }: { readonly userAgent?: string }): boolean {
  return userAgent.startsWith("slurmctld-copilot/");
}

/** Milliseconds from the deletion of a Pod to the DOWN of its node. */
async function measureLatency(api: ControlPlane, { slurm, up }: Site): Promise<number> {
  const latencies: number[] = [];
  for (const name of up) {
    await call(api.request, [200], "DELETE", `/api/v1/namespaces/default/pods/${name}`);
    const deleted = Date.now();
    const line = new RegExp(`^\\[(\\S+)\\] .*${name}.*power-agent: PodDeleted`, "m");
    const log = await waitFor(`${name} to be DOWN`, slurm.controllerLog, (text) => line.test(text), 30_000);
    const { state } = await slurm.node(name);
    check(`${name} is ${[...state].join("+")}`, state.has("DOWN"));
    latencies.push(Date.parse(line.exec(log)?.[1] ?? "") - deleted);
  }
  return median(latencies);
}

/** Makes as many rounds as there are in an hour. Resolves to the memory at some of them. */
async function liveAnHour({ pid, scontrolCalls, starting, writePodStatus }: Site): Promise<Row[]> {
  const first = (await scontrolCalls()).filter(isRound).length;
  const rows: Row[] = [];
  for (let change = 0; ; change += 1) {
    const rounds = (await scontrolCalls()).filter(isRound).length - first;
    if (rounds >= (rows.length * HOUR) / 4) rows.push([rounds, (await processUsage(pid)).resident]);
    if (rounds >= HOUR) return rows;
    await writePodStatus(starting, { phase: change % 2 === 0 ? "Running" : "Pending" });
    await delay(50);
  }
}
