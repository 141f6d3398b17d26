/** `slurmctld-copilot explain NODES`. */
import { styleText } from "node:util";
import { expandHostlist, HostlistError } from "hostlist-parse";
import { SettingsError } from "../../settings/settings-error.ts";
import { isPlainNodeName } from "../../slurm/node-name.ts";
import { explain } from "../explain/explanation.ts";
import { explanationsJson } from "../explain/json.ts";
import { renderExplanation } from "../explain/sentences.ts";
import { unknownNames } from "../explain/unknown-names.ts";
import { readNodeSources } from "../inspect/node-sources.ts";
import { conditionLines } from "../status/render.ts";
import { workerStatuses } from "../status/rows.ts";
import { inspect } from "./look.ts";
import { print, startProgress, terminalStyle } from "./output.ts";
import type { ConnectionFlags, Environment } from "./setup.ts";

/** Flags of the command. */
export interface ExplainFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** What `--help` says below the flags. */
export const explainHelp = `
Beside what status shows it reads the node's Pod, the Events of the Pod and of the SlurmCluster, and the logs of slurm-resume and
slurm-suspend with those that were rotated last (.1). What may not be read is said and left out.

Exit codes:
  0  shown
  1  something could not be read, or a node is not known; what is known is shown, and the rest said
  2  wrong usage, or settings that leave no way to look

Examples:
  slurmctld-copilot explain demo-worker-cpu-3
  slurmctld-copilot explain 'demo-worker-cpu-[0-3]'
  slurmctld-copilot explain demo-worker-cpu-3 --json | jq '.nodes[].history'`;

/** Each node costs calls of the API and a search through all that was logged. */
const MOST = 50;

/** Explains nodes; resolves to the exit code. */
export async function explainNodes(hostlist: string, flags: ExplainFlags, env: Environment): Promise<number> {
  const progress = startProgress();
  try {
    const names = [...new Set(expandHostlist(hostlist))];
    if (names.length > MOST) {
      const message = `${names.length} nodes are too many, ${MOST} at once are the most; status shows them all`;
      process.stderr.write(`slurmctld-copilot explain: ${message}\n`);
      return 2;
    }
    const { look, loaded, api, cluster } = await inspect(flags, env, progress.step);
    const asked = new Set(names.filter(isPlainNodeName));
    const statuses = workerStatuses(look).filter(({ worker }) => asked.has(worker.name));
    const refused = unknownNames(names, look);
    for (const message of refused) process.stderr.write(`slurmctld-copilot explain: ${message}\n`);
    if (statuses.length === 0) {
      for (const problem of look.problems) process.stderr.write(`slurmctld-copilot explain: unknown: ${problem}\n`);
      return 1;
    }
    progress.step("reading Pods, Events and logs");
    const signal = AbortSignal.timeout(30_000);
    const known = statuses.map(({ worker }) => worker.name);
    const sources = await readNodeSources(known, { api, cluster, settings: loaded.settings, signal });
    const explanations = statuses.map((status) => explain(status, look, sources));
    if (flags.json === true) {
      await print(explanationsJson(explanations, look, sources.problems));
    } else {
      const bold = (text: string): string => styleText("bold", text, { stream: process.stdout });
      const style = terminalStyle();
      await print([
        ...conditionLines(look, style),
        ...sources.problems.map((problem) => `  ${problem}`),
        ...explanations.flatMap((explanation) => ["", ...renderExplanation(explanation, look, { ...style, bold })]),
      ]);
    }
    return refused.length + look.problems.length + sources.problems.length === 0 ? 0 : 1;
  } catch (error) {
    const message = messageOf(error);
    if (message === undefined) throw error;
    process.stderr.write(`slurmctld-copilot explain: ${message}\n`);
    return 2;
  } finally {
    progress.end();
  }
}

/** What is wrong with the call or the settings; undefined for any other error. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof SettingsError) return error.message;
  if (!(error instanceof HostlistError)) return undefined;
  return `"${error.expression}" is no hostlist: ${error.reason} at character ${error.position + 1}`;
}
