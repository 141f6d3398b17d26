/** The command line of slurm-operator. */
import { setTimeout as delay } from "node:timers/promises";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type HttpAnswer, type HttpServer, startHttpServer } from "../http/server.ts";
import { findConnection } from "../kubernetes/connection.ts";
import { podFiles } from "../kubernetes/in-cluster.ts";
import { readTextIfPresent, readWordIfPresent } from "../settings/files.ts";
import { type Log, openLog } from "../settings/log.ts";
import { isDnsName } from "../settings/settings.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { version } from "../version.ts";
import { clusterDomainOf } from "./cluster-domain.ts";
import { createMetrics, type OperatorMetrics } from "./metrics.ts";
import { type RunningOperator, startOperator } from "./operator.ts";

interface Flags {
  readonly namespace?: string;
  readonly leaderElectNamespace?: string;
  readonly metricsPort: number;
  readonly kubeconfig?: string;
  readonly clusterDomain?: string;
  readonly logFormat: "text" | "json";
}

/** Time within which the loop must turn, in milliseconds; it does so every five seconds. */
const STUCK = 60_000;

/** Time that what is under way has when the operator is told to end, in milliseconds. */
const LAST_CALLS = 1500;

/** Runs the operator with this process's arguments and environment until it is told to end, and ends the process. */
export async function runOperatorCommand(): Promise<void> {
  const command = describe();
  try {
    command.parse();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exit(error.exitCode === 0 ? 0 : 2);
  }
  process.exit(await run(command.opts<Flags>(), process.env));
}

async function run(flags: Flags, env: NodeJS.ProcessEnv): Promise<number> {
  const id = Math.floor(Math.random() * 0x1000000)
    .toString(16)
    .padStart(6, "0");
  const { log } = openLog({ path: undefined, format: flags.logFormat, program: "slurm-operator", run: id });
  const ended = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ended.abort(signal));
  const monotonic = (): number => performance.now();
  try {
    const connection = await findConnection({
      kubeconfig: flags.kubeconfig || env.KUBECONFIG,
      env,
      podFiles,
      onProblem: (message) => log.warn(message),
    });
    const operator = startOperator({
      connection,
      userAgent: `slurm-operator/${version} (slurm-power-agent)`,
      namespace: flags.namespace,
      lease: {
        namespace: flags.leaderElectNamespace ?? readWordIfPresent(`${podFiles.serviceAccount}/namespace`) ?? "default",
        identity: `${env.HOSTNAME || "slurm-operator"}_${id}`,
      },
      clusterDomain: flags.clusterDomain ?? clusterDomainOf(readTextIfPresent("/etc/resolv.conf") ?? ""),
      log,
      signal: ended.signal,
      now: Date.now,
      monotonic,
      random: Math.random,
      // It rejects when it is aborted, and for nothing else.
      sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => {}),
    });
    const metrics = createMetrics(operator.doubt);
    const server = await serve(flags.metricsPort, operator, metrics, monotonic);
    const port = server === undefined ? "" : `, metrics and health on port ${server.port}`;
    log.info(`operator ${version} starts for ${flags.namespace ?? "all namespaces"} at ${connection.origin}${port}`);
    const late = new Promise<"late">((resolve) => {
      ended.signal.addEventListener("abort", () => void delay(LAST_CALLS).then(() => resolve("late")));
    });
    const outcome = await Promise.race([operator.run(metrics), late]);
    if (outcome === "lost") return fail(log, "the Lease was lost; another operator leads or the API is out of reach");
    log.info(`operator ended by ${String(ended.signal.reason)}`);
    return 0;
  } catch (error) {
    if (error instanceof SettingsError) {
      log.error(error.message);
      return 2;
    }
    return fail(
      log,
      `defect in slurm-operator ${version}, please report it: ${(error as Error).stack ?? String(error)}`,
    );
  }
}

function fail(log: Log, message: string): number {
  log.error(message);
  return 1;
}

/** Throws {@link SettingsError} where the port cannot be had: probes would end this Pod again and again without a word why. */
async function serve(
  port: number,
  operator: RunningOperator,
  metrics: OperatorMetrics,
  monotonic: () => number,
): Promise<HttpServer | undefined> {
  if (port === 0) return undefined;
  const answer = (problem: string | undefined): HttpAnswer =>
    problem === undefined ? { body: "ok\n" } : { status: 503, body: `${problem}\n` };
  const stuck = (): string | undefined => {
    const turned = operator.turned();
    return turned !== undefined && monotonic() - turned > STUCK ? "the loop has not turned for a minute" : undefined;
  };
  try {
    return await startHttpServer({
      listen: { port },
      routes: {
        "/healthz": () => answer(stuck()),
        "/readyz": () => answer(operator.doubt()),
        "/metrics": metrics.render,
      },
    });
  } catch (cause) {
    throw new SettingsError(`cannot listen on port ${port} (--metrics-port): ${(cause as Error).message}`, { cause });
  }
}

function describe(): Command {
  return new Command("slurm-operator")
    .description("Makes head, workers and Services of SlurmClusters, and keeps them as the resource says.")
    .version(version)
    .option("--namespace <name>", "watch this namespace alone (else all)", dnsName)
    .option("--leader-elect-namespace <name>", "namespace of the Lease (else the Pod's own, else default)", dnsName)
    .option("--metrics-port <number>", "port of /metrics, /healthz and /readyz; 0 for none", portNumber, 9811)
    .option("--kubeconfig <path>", "kubeconfig to use (else KUBECONFIG, else the Pod's service account)")
    .option(
      "--cluster-domain <name>",
      "DNS domain of the cluster (else as /etc/resolv.conf says, else cluster.local)",
      dnsName,
    )
    .addOption(new Option("--log-format <format>", "format of the log").choices(["text", "json"]).default("text"))
    .addHelpText(
      "after",
      `
Log: standard error.

Exit codes:
  0  ended by SIGTERM or SIGINT
  1  the Lease was lost, or a defect; the log says which
  2  wrong usage, or no way to the Kubernetes API

Examples:
  slurm-operator
  slurm-operator --namespace hpc --leader-elect-namespace hpc
  slurm-operator --kubeconfig ~/.kube/config --metrics-port 0`,
    )
    .exitOverride();
}

function dnsName(value: string): string {
  if (isDnsName(value)) return value;
  throw new InvalidArgumentError("It must be a DNS name: lower-case letters, digits and hyphens.");
}

function portNumber(value: string): number {
  const port = Number(value);
  if (/^[0-9]+$/.test(value) && port <= 65535) return port;
  throw new InvalidArgumentError("It must be a number from 0 to 65535.");
}
