/** Many programs at once on one resource, as when jobs start all over a cluster. */
import { join } from "node:path";
import { applyCopilotRole } from "../../test/support/agent-role.ts";
import { createClusterResource } from "../../test/support/cluster-resource.ts";
import { podFiles, startPod } from "../../test/support/pod-namespace.ts";
import type { ControlPlane } from "../cluster/control-plane.ts";
import { type Benchmark, check, type Row } from "./benchmark.ts";
import { startPodCopilot } from "./pod-copilot.ts";
import { median } from "./statistics.ts";

const cluster = "contention";

/** How many programs, and in how many rounds. */
const storms = [
  { programs: 1, rounds: 9 },
  { programs: 8, rounds: 7 },
  { programs: 32, rounds: 5 },
  { programs: 100, rounds: 3 },
  { programs: 300, rounds: 1 },
] as const;

/** Simultaneous requests, each for another node: by the program itself, and handed to the copilot by its hook script. */
export const contention: Benchmark = {
  name: "contention",
  run: async ({ installation, controlPlane }) => {
    const api = await controlPlane();
    const resource = await createClusterResource(api, cluster, [{ groupName: "cpu", replicas: 0 }]);
    const { caFile, port } = api;
    const files = await podFiles({ namespace: "default", cluster, token: resource.token, caFile, port });
    // As patient as slurm.conf lets them be: what is asked for is the time to the last one's end, not how many give up before.
    const pod = await startPod({ ...files, "/etc/slurm/power-agent.yaml": "deadlineSeconds: 120\nmetricsPort: 0\n" });
    const storm = async (
      program: string,
      programs: number,
      rounds: number,
    ): Promise<{ seconds: number; patches: number }> => {
      const seconds: number[] = [];
      const patches: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        await resource.patch([
          { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: [] },
          { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: 0 },
        ]);
        const before = await patchesSoFar(api);
        const started = performance.now();
        const results = await Promise.all(
          Array.from({ length: programs }, (_, index) =>
            pod.run(join(installation, program), [`${cluster}-worker-cpu-${index}`]),
          ),
        );
        seconds.push((performance.now() - started) / 1000);
        check(
          `${programs} × ${program}, exit codes`,
          results.every(({ exitCode }) => exitCode === 0),
        );
        const { cpu } = await resource.groups();
        const created = cpu?.podsToBeCreated ?? [];
        check(
          `${programs} × ${program} recorded ${created.length}`,
          created.length === programs && cpu?.replicas === programs,
        );
        check(
          `${programs} × ${program}, order`,
          created.every((index, place) => index === place),
        );
        patches.push(((await patchesSoFar(api)) - before) / programs);
      }
      return { seconds: median(seconds), patches: median(patches) };
    };
    const rows: Row[] = [];
    let endCopilot: (() => Promise<void>) | undefined;
    try {
      const alone = [];
      for (const { programs, rounds } of storms) alone.push(await storm("slurm-resume", programs, rounds));
      await applyCopilotRole(api, { namespace: "default", cluster });
      endCopilot = await startPodCopilot(pod, installation);
      for (const [index, { programs, rounds }] of storms.entries()) {
        const handedOver = await storm("slurm-resume.sh", programs, rounds);
        const { seconds = Number.NaN, patches = Number.NaN } = alone[index] ?? {};
        rows.push([programs, rounds, seconds, patches, handedOver.seconds, handedOver.patches]);
      }
    } finally {
      await endCopilot?.();
      await pod.stop();
    }
    return [
      {
        about:
          "Simultaneous requests, each for another node of one SlurmCluster, started as slurmctld does. All must end with exit code 0 and the " +
          "resource must hold each node once: 100 % are recorded. Seconds to the last exit, medians of the rounds, of which there are as many as ten minutes for all benchmarks allow. Programs, kube-apiserver and etcd share " +
          "the machine's processors. Target: 100 requests within 2 s.",
        columns: [
          "requests",
          "rounds",
          "program: seconds",
          "PATCHes a request",
          "handed to the copilot: seconds",
          "PATCHes a request",
        ],
        rows,
      },
    ];
  },
};

/** How many PATCHes of the resource by programs and copilot kube-apiserver has answered. */
async function patchesSoFar(api: ControlPlane): Promise<number> {
  const events = await api.auditEvents();
  return events.filter(({ verb, userAgent = "", objectRef }) => {
    return verb === "patch" && userAgent.includes("(slurm-power-agent)") && objectRef?.name === cluster;
  }).length;
}
