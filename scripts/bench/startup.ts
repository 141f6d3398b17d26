/** One call of slurm-resume as slurmctld makes it, beside what else could be there in its place. */
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { applyCopilotRole } from "../../test/support/agent-role.ts";
import { createClusterResource } from "../../test/support/cluster-resource.ts";
import { podFiles, startPod } from "../../test/support/pod-namespace.ts";
import type { AuditEvent } from "../cluster/audit.ts";
import { type Benchmark, check, type Table } from "./benchmark.ts";
import { type Measured, startMeter } from "./meter.ts";
import { millisecondsOf } from "./path-times.ts";
import { startPodCopilot } from "./pod-copilot.ts";
import { adminScript } from "./rival-script.ts";
import { median, pairedRatio } from "./statistics.ts";

/** Rounds in each of which everything runs once, so that a machine that is busy for a while is so for all. */
const ROUNDS = 21;

const cluster = "startup";
const account = "/run/secrets/kubernetes.io/serviceaccount";
const script = "/etc/resume-by-kubectl.sh";

interface Case {
  readonly name: string;
  readonly command: readonly string[];
  /** How many nodes it records; 0 for what does not. */
  readonly nodes: number;
  /** What the ratios to `node -e 0` (or to the script) are to be at most. */
  readonly target?: string;
}

/** One run, and when it was in epoch milliseconds. */
interface Call extends Measured {
  readonly begin: number;
  readonly end: number;
}

/** Start-up and one call against a kube-apiserver with TLS. */
export const startup: Benchmark = {
  name: "startup",
  run: async ({ installation, controlPlane }) => {
    const api = await controlPlane();
    const { caFile, port } = api;
    if (api.kubectl === undefined) throw new Error("there is no kubectl to compare with: unset KUBEBUILDER_ASSETS");
    // Where user slurm finds it.
    const kubectl = join(installation, "kubectl");
    await copyFile(api.kubectl, kubectl);
    const resource = await createClusterResource(api, cluster, [{ groupName: "cpu", replicas: 0 }]);
    const files = await podFiles({ namespace: "default", cluster, token: resource.token, caFile, port });
    const pod = await startPod({
      ...files,
      [script]: adminScript({ cluster, kubectl, server: api.url, account }),
      // scontrol wants one, even for hostlists.
      "/etc/slurm/slurm.conf": "ClusterName=startup\nSlurmctldHost=localhost\n",
    });
    // Its watch tells the copilot what the resource is, so that it need not read it for each request.
    await applyCopilotRole(api, { namespace: "default", cluster });
    const endCopilot = await startPodCopilot(pod, installation);
    const meter = startMeter(pod.inside);
    const resume = (nodes: number, target?: string): Case => ({
      name: `slurm-resume, ${count(nodes)}`,
      command: [join(installation, "slurm-resume"), expression(nodes)],
      nodes,
      ...(target !== undefined && { target }),
    });
    const handedOver = (nodes: number, target?: string): Case => ({
      ...resume(nodes, target),
      name: `handed to the copilot, ${count(nodes)}`,
      command: [join(installation, "slurm-resume.sh"), expression(nodes)],
    });
    const byScript = (nodes: number): Case => ({
      name: `shell script, ${count(nodes)}`,
      command: ["/bin/bash", script, expression(nodes)],
      nodes,
    });
    const cases: readonly Case[] = [
      { name: "`node -e 0`", command: [join(installation, "node"), "-e", "0"], nodes: 0 },
      { name: "`/bin/true`", command: ["/bin/true"], nodes: 0 },
      resume(1, "time ≤ 2.4, ≤ 0.45 × script, memory ≤ 1.3"),
      resume(100),
      resume(1000),
      resume(10_000, "≤ 1.5 × one node"),
      handedOver(1, "time ≤ 0.6"),
      handedOver(10_000),
      byScript(1),
      byScript(10_000),
    ];
    const runs = new Map<string, Call[]>(cases.map(({ name }) => [name, []]));
    try {
      for (let round = -1; round < ROUNDS; round += 1) {
        for (const { name, command, nodes } of cases) {
          if (nodes > 0) {
            await resource.patch(nothingRequested);
            // Until the copilot knows it.
            await sleep(20);
          }
          const begin = Date.now();
          const measured = { ...(await meter.run(command)), begin, end: Date.now() };
          if (measured.status !== 0) {
            const log = await pod.read("/var/log/slurm-resume.log");
            throw new Error(`${name} ended with status ${measured.status}; end of its log:\n${log.slice(-2000)}`);
          }
          if (nodes > 0) check(`${name} did not record its nodes`, isRecorded(await resource.groups(), nodes));
          // The first round warms up caches: files, and what kubectl keeps of the API.
          if (round >= 0) runs.get(name)?.push(measured);
        }
      }
      const events = await api.auditEvents();
      const recorded = events.filter(
        ({ verb, userAgent = "", objectRef }) =>
          verb === "patch" && objectRef?.name === cluster && userAgent.startsWith("slurmctld-copilot/"),
      );
      check("each request that was handed over is recorded by the copilot", recorded.length === 2 * (ROUNDS + 1));
      return [tableOf(cases, runs), whereTimeGoes(cases, runs, events)];
    } finally {
      await meter.stop();
      await endCopilot();
      await pod.stop();
      await rm(kubectl);
    }
  },
};

const nothingRequested = [
  { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [] },
  { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: [] },
  { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 0 },
];

function count(nodes: number): string {
  return `${nodes.toLocaleString("en")} node${nodes === 1 ? "" : "s"}`;
}

function expression(nodes: number): string {
  return nodes === 1 ? `${cluster}-worker-cpu-0` : `${cluster}-worker-cpu-[0-${nodes - 1}]`;
}

function isRecorded(
  { cpu }: Awaited<ReturnType<Awaited<ReturnType<typeof createClusterResource>>["groups"]>>,
  nodes: number,
): boolean {
  const created = cpu?.podsToBeCreated ?? [];
  return cpu?.replicas === nodes && created.length === nodes && created.every((index, place) => index === place);
}

function tableOf(cases: readonly Case[], runs: ReadonlyMap<string, readonly Call[]>): Table {
  const of = (name: string, what: keyof Measured): number[] => (runs.get(name) ?? []).map((run) => run[what]);
  const [base, , one] = cases.map(({ name }) => name);
  const ratio = (name: string, what: keyof Measured, to = base): number =>
    pairedRatio(of(name, what), of(to ?? "", what));
  const byScript = cases.find(({ name }) => name.startsWith("shell script"))?.name;
  return {
    about:
      `From fork to exit, started as slurmctld 22.05 does (empty environment, closed descriptors, user slurm, in a Pod's file system), ` +
      `against a kube-apiserver with TLS: GET and PATCH on one connection. CPU is user and system time of the program and its children. ` +
      "What the copilot uses for requests handed to it is not in it, but in the wall time. " +
      `Medians of ${ROUNDS} interleaved rounds; ratios are medians of the rounds' ratios to \`node -e 0\`. After each run the resource is ` +
      "compared with what it should be.",
    columns: [
      "program",
      "wall ms",
      "× node",
      "CPU ms",
      "× node",
      "peak MB",
      "× node",
      "CPU × script",
      "CPU × one node",
      "target",
    ],
    rows: cases.map(({ name, target = "" }) => [
      name,
      median(of(name, "wall")),
      ratio(name, "wall"),
      median(of(name, "cpu")),
      ratio(name, "cpu"),
      median(of(name, "memory")),
      ratio(name, "memory"),
      ratio(name, "cpu", byScript),
      ratio(name, "cpu", one),
      target,
    ]),
  };
}

/** What of each call is kube-apiserver's, by its audit log: nothing here makes that faster. */
function whereTimeGoes(
  cases: readonly Case[],
  runs: ReadonlyMap<string, readonly Call[]>,
  events: readonly AuditEvent[],
): Table {
  const answers = events
    .filter(
      ({ objectRef, userAgent = "" }) => objectRef?.name === cluster && !userAgent.startsWith("control-plane-admin"),
    )
    .map(({ verb, requestReceivedTimestamp, stageTimestamp }) => {
      const at = millisecondsOf(requestReceivedTimestamp);
      return { verb, at, took: millisecondsOf(stageTimestamp) - at };
    });
  const sum = (wanted: string, { begin, end }: Call): number =>
    answers.reduce((sum, { verb, at, took }) => sum + (verb === wanted && at >= begin && at <= end + 1 ? took : 0), 0);
  return {
    about:
      "Where the wall time of a call goes, in milliseconds: from a request's arrival at kube-apiserver to the end of its answer, by the " +
      "audit log, and the rest, which is the program, its start, TLS, and the copilot. Medians of the same runs.",
    columns: ["call", "wall", "GET in kube-apiserver", "PATCH in kube-apiserver", "the rest"],
    rows: cases
      .filter(({ nodes }) => nodes > 0)
      .map(({ name }) => {
        const calls = runs.get(name) ?? [];
        const [gets, patches] = ["get", "patch"].map((verb) => calls.map((call) => sum(verb, call)));
        check(`${name}: one PATCH each`, patches?.every((took) => took > 0) === true);
        const rest = calls.map(({ wall }, index) => wall - (gets?.[index] ?? 0) - (patches?.[index] ?? 0));
        return [name, median(calls.map(({ wall }) => wall)), median(gets ?? []), median(patches ?? []), median(rest)];
      }),
  };
}
