/** The whole path from sbatch to the start of a job on a node that did not run. */
import { uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../../test/support/wait-for.ts";
import { manifestCluster as cluster } from "../cluster/install-manifests.ts";
import { type Benchmark, check, type Table } from "./benchmark.ts";
import { owners, pathPicture } from "./path-picture.ts";
import { type PathSite, startPathSite } from "./path-site.ts";
import { type Path, pathOf, type Span } from "./path-times.ts";
import { median } from "./statistics.ts";

/** How many jobs, one after the other, each on another node. */
const JOBS = 5;

/**
 * Slurm looks every 30 s whether the nodes of a batch job have come (22.05 src/slurmctld/slurmctld.h, PERIODIC_TIMEOUT), and so each job ends
 * just after such a look. Each next one is submitted so many milliseconds later after it, so that together they meet all of that period.
 */
const STAGGER = 30_000 / JOBS;

/** What programs and operator of ours may take together, in milliseconds. */
const TARGET = 300;

/** A whole Kubernetes, our operator and images, a kubelet and slurmd in Pods. */
export const path: Benchmark = {
  name: "path",
  run: async ({ progress }) => {
    const site = await startPathSite(progress);
    try {
      const paths: Path[] = [];
      for (let index = 0; index < JOBS; index += 1) {
        await sleep(index * STAGGER);
        paths.push(await progress.step(`job ${index + 1}`, () => runJob(site, `${cluster}-worker-cpu-${index}`)));
      }
      return [tableOf(paths)];
    } finally {
      await site.stop();
    }
  },
};

async function runJob(site: PathSite, node: string): Promise<Path> {
  const { api, inHead, inPod } = site;
  // On this node and no other: those of the jobs before still run.
  const command = ["sbatch", "--parsable", `--nodelist=${node}`, "--chdir=/tmp", "--wrap=date +%s.%N"];
  const jobId = (await inHead(...command)).trim();
  const show = () => inHead("scontrol", "show", "job", jobId);
  const hasEnded = (shown: string) => !/JobState=(PENDING|CONFIGURING|RUNNING|COMPLETING) /.test(shown);
  const job = await waitFor(`job ${jobId}`, show, hasEnded, 180_000);
  check(`job ${jobId}: ${job}`, job.includes("JobState=COMPLETED ") && job.includes(` NodeList=${node}\n`));
  return pathOf({
    jobId,
    node,
    slurmctldLog: await site.slurmctldLog(),
    resumeLog: await inHead("cat", "/var/log/slurm-resume.log"),
    audit: await api.auditEvents(),
    containerStarted: startOfProcess(await inPod(node, "cat", "/proc/1/stat")),
    jobStarted: Number(await inPod(node, "cat", `/tmp/slurm-${jobId}.out`)) * 1000,
  });
}

/** When a process started, by its /proc/PID/stat (proc(5), field 22): epoch milliseconds, exact to hundredths of a second. */
function startOfProcess(stat: string): number {
  // Behind the name, which may hold anything, field 3 is the first. Containers have the machine's clock.
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  return Date.now() - uptime() * 1000 + ticks * 10;
}

function tableOf(paths: readonly Path[]): Table {
  const lengthsOf = (index: number): number[] => paths.map(({ spans }) => spans[index]?.length ?? Number.NaN);
  const typical = (span: Span, lengths: readonly number[]): Span => ({ ...span, length: median(lengths) });
  const [first] = paths;
  if (first === undefined) throw new RangeError("no jobs, no table");
  const endings = paths.map(({ ending }) => ending.length);
  const totals = paths.map(({ spans }) => sumOf(spans));
  const ours = paths.map(({ spans, ending }) => sumOf([...spans, ending].filter(({ owner }) => owner === "ours")));
  check(`what is ours took ${ours.join(", ")} ms`, median(ours) < TARGET);
  const row = (name: string, owner: string, lengths: readonly number[], target = "") => {
    return [name, owner, median(lengths), Math.min(...lengths), Math.max(...lengths), target];
  };
  return {
    about:
      "A job on a node that does not run, on the local Kubernetes: kube-apiserver, kubelet, slurmctld with its copilot, operator and slurmd, " +
      `the latter four in Pods, all on this machine, images loaded. Milliseconds of ${paths.length} jobs one after the other, each on another ` +
      "node, by slurmctld's log, slurm-resume.log, kube-apiserver's audit log, the start of the container's first process, and what the " +
      "job itself printed first. Slurm 22.05 looks every 30 s whether a batch job's nodes have come; the jobs are spread over that period. Each must end as COMPLETED on its node, after one PATCH by the copilot and one POST by the operator.",
    columns: ["part", "whose", "median ms", "fastest", "slowest", "target"],
    rows: [
      ...first.spans.map(({ name, owner }, index) => row(name, owners[owner], lengthsOf(index))),
      row("beside the operator: copilot answers, script exits", owners.ours, endings),
      row("together", "", totals),
      row("of it ours, the exit too", owners.ours, ours, `< ${TARGET}`),
    ],
    picture: {
      name: "whole-path",
      ...pathPicture({
        spans: first.spans.map((span, index) => typical(span, lengthsOf(index))),
        ending: typical(first.ending, endings),
      }),
    },
  };
}

function sumOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}
