/** A real Prometheus, and promtool, as scripts/setup.sh prometheus brings them. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { type BackgroundProcess, startProcess } from "../../scripts/cluster/processes.ts";
import { claimFreePorts } from "./free-ports.ts";
import { waitFor } from "./wait-for.ts";

const execute = promisify(execFile);

/** One line of a graph, or one number of now: its labels and its values, the last one last. */
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

/** An alert rule as Prometheus runs it. */
interface RunningRule {
  readonly name: string;
  readonly query: string;
  /** "ok", or "err" with `lastError`. */
  readonly health: string;
  readonly lastError?: string;
  readonly state: "inactive" | "pending" | "firing";
}

/** A Prometheus that scrapes. */
export interface Prometheus {
  /** The value of an expression now. @throws Error with Prometheus' words for a wrong one */
  query(expr: string): Promise<Series[]>;
  /** All its values since Prometheus started, one each two seconds, as a graph shows them. */
  queryRange(expr: string): Promise<Series[]>;
  /** Values of a label of series that match, as the choices of a dashboard. */
  labelValues(label: string, match: string): Promise<string[]>;
  rules(): Promise<RunningRule[]>;
  stop(): Promise<void>;
}

async function programsFolder(): Promise<string> {
  const script = join(import.meta.dirname, "../../scripts/prometheus.sh");
  try {
    return (await execute("bash", [script, "--print-folder"])).stdout.trim();
  } catch (error) {
    throw new Error("Prometheus is missing: run `bash scripts/setup.sh prometheus`", { cause: error });
  }
}

/** Runs promtool and resolves to what it prints; rejects when it finds fault. */
export async function promtool(...args: string[]): Promise<string> {
  return (await execute(join(await programsFolder(), "promtool"), args)).stdout;
}

/** Starts a Prometheus of its own that scrapes `port` each second as job slurm-power-agent and runs the rules of a file. */
export async function startPrometheus(options: {
  readonly port: number;
  readonly rulesFile: string;
}): Promise<Prometheus> {
  const program = join(await programsFolder(), "prometheus");
  const folder = await mkdtemp(join(tmpdir(), "prometheus-"));
  const config = join(folder, "prometheus.yaml");
  const targets = [`127.0.0.1:${options.port}`];
  await writeFile(
    config,
    stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [options.rulesFile],
      scrape_configs: [{ job_name: "slurm-power-agent", static_configs: [{ targets }] }],
    }),
  );
  const port = await claimFreePorts(1, Math.random);
  const started = Date.now() / 1000;
  const server: BackgroundProcess = await startProcess({
    name: "prometheus",
    program,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    folder,
    logFile: join(folder, "log"),
  });
  const ask = async (path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error?: string };
    if (status !== "success") throw new Error(`Prometheus on ${JSON.stringify(parameters)}: ${error}`);
    return data;
  };
  const stop = async (): Promise<void> => {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      "Prometheus",
      () => ask("query", { query: "1" }),
      () => true,
      60_000,
    );
  } catch (error) {
    const log = await server.logTail();
    await stop();
    throw new Error(`Prometheus does not start:\n${log}`, { cause: error });
  }
  type Sample = [time: number, value: string];
  return {
    query: async (query) => {
      const { result } = (await ask("query", { query })) as { result: { metric: Series["metric"]; value: Sample }[] };
      return result.map(({ metric, value: [, value] }) => ({ metric, values: [Number(value)] }));
    },
    queryRange: async (query) => {
      const [start, end] = [started, Date.now() / 1000].map(String) as [string, string];
      const { result } = (await ask("query_range", { query, start, end, step: "2" })) as {
        result: { metric: Series["metric"]; values: Sample[] }[];
      };
      return result.map(({ metric, values }) => ({ metric, values: values.map(([, value]) => Number(value)) }));
    },
    labelValues: async (label, match) => (await ask(`label/${label}/values`, { "match[]": match })) as string[],
    rules: async () => {
      const { groups } = (await ask("rules")) as { groups: { rules: RunningRule[] }[] };
      return groups.flatMap(({ rules }) => rules);
    },
    stop,
  };
}
