/**
 * How long nodes take to come up, told by successive looks at everything. Pure.
 *
 * Nothing is measured whose beginning was not seen: nodes that were powering up already in the first look, which is the first after a
 * restart too, nor across a gap between two looks. A node that was parked in one look and is up in the next took no time that could be
 * told. So a time is at most the distance of two looks wrong: ten seconds, and mostly less than one, as a round follows on each change in
 * Kubernetes.
 */
import { isDown, isParked, isPoweringUp, isUp } from "../../slurm/node-flags.ts";
import type { Snapshot, Worker } from "../snapshot.ts";

/** How far a node has come: its Pod is there, its Pod is ready, Slurm counts on it. */
export const stages = ["pod_created", "pod_ready", "registered"] as const;

/** One of them. */
type Stage = (typeof stages)[number];

/** A stage that was reached just now, and how long after the node was first seen powering up. */
interface StageReached {
  readonly group: string;
  readonly stage: Stage;
  readonly seconds: number;
}

interface Resume {
  /** Epoch milliseconds of the first look that saw it power up; absent when it had begun before. */
  readonly since?: number;
  readonly reached: ReadonlySet<Stage>;
}

/** What goes from one look to the next. */
export interface ResumeTimes {
  /** Epoch milliseconds of the last look; absent before the first. */
  readonly at?: number;
  /** Nodes that power up, by name. */
  readonly resumes: ReadonlyMap<string, Resume>;
  /** Names of nodes that are powered down or on the way there. */
  readonly parked: ReadonlySet<string>;
}

/** Nothing seen yet. */
export const noResumeTimes: ResumeTimes = { resumes: new Map(), parked: new Set() };

/** Looks further apart than this, in milliseconds, say too little about when something happened: three rounds. */
const LONGEST_GAP = 30_000;

/** Takes the next look, made at `at` (epoch milliseconds). Times in `reached` are from when each node was first seen powering up. */
export function followResumes(
  before: ResumeTimes,
  { workers }: Snapshot,
  at: number,
): { readonly after: ResumeTimes; readonly reached: readonly StageReached[] } {
  const follows = before.at !== undefined && at >= before.at && at - before.at <= LONGEST_GAP;
  const resumes = new Map<string, Resume>();
  const parked = new Set<string>();
  const reached: StageReached[] = [];
  for (const worker of workers.values()) {
    const { name, group = "", node } = worker;
    if (node === undefined) continue;
    if (isParked(node)) parked.add(name);
    const comesUp = isPoweringUp(node) && !isDown(node);
    const known = follows ? before.resumes.get(name) : undefined;
    const cameUp = follows && before.parked.has(name) && isUp(node);
    if (known === undefined && !comesUp && !cameUp) continue;
    const resume = known ?? { reached: new Set<Stage>(), ...(follows && { since: at }) };
    const past = stagesOf(worker);
    if (resume.since !== undefined) {
      for (const stage of past.difference(resume.reached)) {
        reached.push({ group, stage, seconds: (at - resume.since) / 1000 });
      }
    }
    if (comesUp) resumes.set(name, { ...resume, reached: resume.reached.union(past) });
  }
  return { after: { at, resumes, parked }, reached };
}

/** The stages that a worker is past now. A Pod that is being deleted is the one of before. */
function stagesOf({ node, pod }: Worker): Set<Stage> {
  const past = new Set<Stage>();
  if (pod !== undefined && pod.deleted === undefined) {
    past.add("pod_created");
    if (pod.ready) past.add("pod_ready");
  }
  if (node !== undefined && isUp(node)) past.add("registered");
  return past;
}
