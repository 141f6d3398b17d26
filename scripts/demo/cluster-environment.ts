import type { Helm } from "../charts/helm.ts";
import type { Environment } from "./environment.ts";
import { installationSteps } from "./installation.ts";
import { kubectlLine, runKubectl } from "./kubectl.ts";
import { kubectlView } from "./kubernetes-view.ts";
import { type HowToGoOn, inNamespace, type Place } from "./place.ts";
import type { LogSource } from "./run-steps.ts";
import type { Screen, Shown } from "./screen.ts";
import { autoscalingSteps, type LogName } from "./steps.ts";
import type { DemoValues } from "./values.ts";

/** The name in the documentation of the log messages. */
const cluster = "slurm-demo";
const head = `${cluster}-0`;

/** The documented system in Pods: the first steps install it, and commands are run in the head. */
export function createClusterEnvironment(place: Place, helm: Helm, values: DemoValues, screen: Screen): Environment {
  const { kubectl, namespace, operator, leave } = place;
  const look = (...args: readonly string[]): Promise<Shown> => runKubectl(kubectl, args);
  const inHead = (...command: readonly string[]): Promise<Shown> => look("exec", head, "--", ...command);
  const log = (name: LogName): Promise<Shown> =>
    name === "slurmctld.log" ? look("logs", head) : inHead("cat", `/var/log/${name}`);
  const source = (name: string, read: () => Promise<Shown>): LogSource => ({
    name,
    read: async () => (await read()).output,
  });
  const operatorLogs =
    operator === undefined
      ? []
      : [
          source("slurm-operator's log", () =>
            look("logs", "deployment/slurm-operator", ...inNamespace(place, operator.namespace)),
          ),
        ];
  return {
    context: {
      namespace,
      cluster,
      nodeCount: values.workerGroups[0].maxNodes,
      suspendTime: values.slurm.suspendTime,
      kubernetes: kubectlView(kubectl, cluster),
      jobScript: "/tmp/job.sh",
      run: inHead,
      // As no /home is shared, a job's output is on its node.
      jobOutput: (id, node) => look("exec", node, "--", "cat", `/tmp/slurm-${id}.out`),
      log,
      job: undefined,
    },
    steps: [...installationSteps(place, helm, values, { cluster, head }), ...autoscalingSteps],
    logs: [
      ...operatorLogs,
      source("slurm-resume.log", () => log("slurm-resume.log")),
      source("slurm-suspend.log", () => log("slurm-suspend.log")),
      source("the head's log", () => log("slurmctld.log")),
      source("the Pods", () => look("get", "pod", "--output=wide")),
      source("the events", () => look("get", "events", "--sort-by=.lastTimestamp")),
    ],
    stop: place.stop,
    ...(leave === undefined ? {} : { leave: () => showHowToGoOn(place, leave(), screen) }),
  };
}

function showHowToGoOn({ kubectl }: Place, { before, end }: HowToGoOn, screen: Screen) {
  const line = (...args: readonly string[]): string => kubectlLine(kubectl, args);
  const inHead = (...command: readonly string[]): string => line("exec", head, "--", ...command);
  const lines = [
    ...before,
    line("get", "slurmcluster,pod"),
    inHead("sbatch", "--array=1-3", "/tmp/job.sh"),
    line("get", "pod", "--watch"),
    inHead("sinfo"),
    inHead("tail", "/var/log/slurm-resume.log"),
    inHead("slurmctld-copilot", "status"),
    line("exec", "--stdin", "--tty", head, "--", "bash"),
  ];
  screen.step("It stays up.");
  screen.block("To try", lines.join("\n"));
  screen.block("To end it and remove all of it", end.join("\n"));
}
