import { asksFor, documentedMessages, grep, hasMessagesInOrder, jobFields, sinfoStates } from "./expectations.ts";
import type { KubernetesView } from "./kubernetes-view.ts";
import { type Stage, type Step, StepFailure } from "./run-steps.ts";
import type { Shown } from "./screen.ts";

/** Where the steps happen: a Slurm and a Kubernetes, wherever those run. */
export interface DemoContext {
  readonly namespace: string;
  /** Name of the SlurmCluster; its only worker group is `cpu`. */
  readonly cluster: string;
  /** How many nodes the group has: `<cluster>-worker-cpu-0` and so on. */
  readonly nodeCount: number;
  /** Seconds of idleness after which slurmctld parks a node. */
  readonly suspendTime: number;
  readonly kubernetes: KubernetesView;
  /** Path of the documented job's script for {@link run}. */
  readonly jobScript: string;
  /** Runs a command where users are, beside slurmctld. @throws Error when it exits with a code other than 0 */
  run(program: string, ...args: readonly string[]): Promise<Shown>;
  /** What a job that ran on this node has printed. */
  jobOutput(id: string, node: string): Promise<Shown>;
  /** A log as it is now; "" when it does not exist yet. */
  log(name: LogName): Promise<Shown>;
  /** Set by the step that submits the job, for those that follow. */
  job: { id: string } | undefined;
}

/** The logs that tell what happened. */
export type LogName = "slurm-resume.log" | "slurm-suspend.log" | "slurmctld.log";

/** Slurm allocates idle nodes of equal weight in the order of slurm.conf, so this is the one that the job gets. */
const wokenNode = ({ cluster }: DemoContext): string => `${cluster}-worker-cpu-0`;

/** Waits until sinfo shows all nodes parked. */
async function untilAllParked(context: DemoContext, { until }: Stage): Promise<void> {
  const all = `${context.cluster}-worker-cpu-[0-${context.nodeCount - 1}]`;
  const sinfo = () => context.run("sinfo");
  await until("every node to be idle~", sinfo, (output) => sinfoStates(output).get(all) === "idle~");
}

/** Compact states of a node that is up: without `~` (powered down), `#` (powering up), `%` (powering down), `*` (silent). */
const up = new Set(["alloc", "mix", "idle", "comp"]);

/** How slurmctld says, of its own power-saving thread, that it runs a program: up to Slurm 25.11, and in 26.05. */
const powerActions = {
  waking: "(waking|__resumeprog__ on) nodes",
  suspending: "(suspending|__suspendprog__ on) nodes",
};

/** Waits for the line in which slurmctld says that it runs a program for the node. */
async function untilControllerSays(context: DemoContext, stage: Stage, verb: keyof typeof powerActions): Promise<void> {
  const pattern = `POWER: .*${powerActions[verb]} ${wokenNode(context)}$`;
  const lines = async () => grep(await context.log("slurmctld.log"), pattern);
  await stage.until(`slurmctld to say that it is ${verb} the node`, lines, (output) => output !== "");
}

/** The autoscaling section of the SlurmCluster documentation: a job wakes a node, and idleness parks it again. */
export const autoscalingSteps: readonly Step<DemoContext>[] = [
  {
    title: "A SlurmCluster with replicas: 0",
    limit: 30,
    async run({ kubernetes }, { until, screen }) {
      await until("the SlurmCluster to be ready", kubernetes.slurmCluster, (output) => /\s0\s+ready\s/.test(output));
      await until("replicas to be 0", kubernetes.workerGroup, (output) => asksFor(output, []));
      await until("no worker Pod", kubernetes.pods, (output) => !output.includes("-worker-"));
      screen.proven("no worker is asked for and there is no worker Pod");
    },
  },
  {
    title: "Every node is parked",
    limit: 30,
    async run(context, stage) {
      await untilAllParked(context, stage);
      stage.screen.proven(`all ${context.nodeCount} nodes are idle~ (~ means powered down)`);
    },
  },
  {
    title: "Submit the documented job",
    limit: 30,
    async run(context, { screen }) {
      screen.command(await context.run("cat", context.jobScript));
      const submitted = await context.run("sbatch", context.jobScript);
      screen.command(submitted);
      const id = /^Submitted batch job (\d+)$/m.exec(submitted.output)?.[1];
      if (id === undefined) throw new StepFailure("sbatch to answer with a job id", submitted.output);
      context.job = { id };
      screen.proven(`job ${id} is submitted; it needs a node that is not there`);
    },
  },
  {
    title: "slurmctld itself runs slurm-resume",
    limit: 60,
    async run(context, stage) {
      await untilControllerSays(context, stage, "waking");
      const messages = documentedMessages(context.namespace, context.cluster, "cpu", 0);
      const log = () => context.log("slurm-resume.log");
      const what = `the documented messages in slurm-resume.log, in this order\n${messages.join("\n")}`;
      await stage.until(what, log, (output) => hasMessagesInOrder(output, messages));
      stage.screen.proven(`the ${messages.length} documented messages are there, word for word and in order:`);
      for (const message of messages) stage.screen.proven(`  ${message}`);
    },
  },
  {
    title: "The SlurmCluster asks for the worker, and its Pod comes up",
    // Where images are pulled this takes minutes.
    limit: 300,
    async run({ kubernetes }, { until, screen }) {
      await until("podsToBeCreated to be [0]", kubernetes.workerGroup, (output) => asksFor(output, [0]));
      await until("the worker Pod to be Running", kubernetes.pods, (output) => /-worker-cpu-0\s.*Running/.test(output));
      await until("one available worker", kubernetes.slurmCluster, (output) => /\s1\s+ready\s/.test(output));
      screen.proven("podsToBeCreated is [0], replicas is 1, and the Pod is Running");
    },
  },
  {
    title: "The node registers with slurmctld",
    limit: 60,
    async run(context, stage) {
      const others = `${context.cluster}-worker-cpu-[1-${context.nodeCount - 1}]`;
      const sinfo = () => context.run("sinfo");
      await stage.until("the node to be up and the others idle~", sinfo, (output) => {
        const states = sinfoStates(output);
        return up.has(states.get(wokenNode(context)) ?? "") && states.get(others) === "idle~";
      });
      stage.screen.proven(`${wokenNode(context)} is up, the other ${context.nodeCount - 1} nodes are still idle~`);
    },
  },
  {
    title: "The job runs on it",
    limit: 120,
    async run(context, { screen, until }) {
      const id = context.job?.id ?? "";
      screen.note(
        "Up to 30 s of this are slurmctld's own: only that often does it look whether the nodes of a batch job are up (PERIODIC_TIMEOUT).",
      );
      const show = async () => grep(await context.run("scontrol", "show", "job", id), "JobState| NodeList|RunTime");
      const done = await until(
        `job ${id} to end`,
        show,
        (output) => !/=(PENDING|CONFIGURING|RUNNING|COMPLETING)\s/.test(output),
      );
      const fields = jobFields(done);
      if (fields.get("JobState") !== "COMPLETED") throw new StepFailure("JobState=COMPLETED", done);
      if (fields.get("NodeList") !== wokenNode(context)) throw new StepFailure(`NodeList=${wokenNode(context)}`, done);
      const printed = await context.jobOutput(id, wokenNode(context));
      screen.command(printed);
      if (!printed.output.includes(wokenNode(context))) throw new StepFailure("the node's name", printed.output);
      screen.proven(`job ${id} is COMPLETED on ${wokenNode(context)}`);
    },
  },
  {
    title: "slurmctld itself runs slurm-suspend",
    limit: 120,
    async run(context, stage) {
      stage.screen.note(`It does so when the node has been idle for SuspendTime, here ${context.suspendTime} s.`);
      await untilControllerSays(context, stage, "suspending");
      const log = () => context.log("slurm-suspend.log");
      await stage.until("slurm-suspend.log to say that it is done", log, (output) =>
        hasMessagesInOrder(output, [`suspend node ${wokenNode(context)}`, "suspend node -cpu-0 end"]),
      );
      stage.screen.proven("slurm-suspend has recorded that the worker is to go");
    },
  },
  {
    title: "Every node is parked again, and the Pod is gone",
    limit: 120,
    async run(context, stage) {
      const { kubernetes } = context;
      await stage.until("podsToBeCreated to be empty", kubernetes.workerGroup, (output) => asksFor(output, []));
      await stage.until("the worker Pod to be gone", kubernetes.pods, (output) => !output.includes("-worker-"));
      await stage.until("no available worker", kubernetes.slurmCluster, (output) => /\s0\s+ready\s/.test(output));
      await untilAllParked(context, stage);
      stage.screen.proven(`all ${context.nodeCount} nodes are idle~, no worker Pod is left, podsToBeCreated is []`);
    },
  },
];
