/** What the demo expects of real output: pure functions over the text that commands and logs print. */
import type { Shown } from "./screen.ts";

/** What plain `sinfo` prints, with one partition: host list → the compact state of these nodes, such as `idle~`. */
export function sinfoStates(output: string): Map<string, string> {
  const states = new Map<string, string>();
  for (const line of output.trim().split("\n").slice(1)) {
    // PARTITION AVAIL TIMELIMIT NODES STATE NODELIST
    const [, , , , state = "", nodeList = ""] = line.trim().split(/\s+/);
    states.set(nodeList, state);
  }
  return states;
}

/** What the documentation of SlurmCluster promises in slurm-resume.log when one node is woken, in this order. */
export function documentedMessages(namespace: string, cluster: string, group: string, index: number): string[] {
  const node = `${cluster}-worker-${group}-${index}`;
  return [
    `namespace: ${namespace} cluster: ${cluster}`,
    `resume called, args [${node}]`,
    `slurm cluster metadata: ${namespace} ${cluster}`,
    `get SlurmCluster CR ${cluster} succeed`,
    `hostlists: [${node}]`,
    `resume node ${node}`,
    `resume worker -${group}-${index}`,
    `resume node -${group}-${index} end`,
  ];
}

/** Whether a log in the text format has these messages, each as a whole and in this order; others may stand in between. */
export function hasMessagesInOrder(log: string, messages: readonly string[]): boolean {
  let found = 0;
  for (const line of log.split("\n")) {
    // Time, level and run id come first: `2026-01-31T12:00:00.000Z INFO  3fa2c1 resume called, …`.
    if (line.replace(/^\S+ \S+ +\S+ /, "") === messages[found]) found += 1;
  }
  return found === messages.length;
}

/** Whether a worker group, shown as `KubernetesView.workerGroup` does, has these in podsToBeCreated and as many replicas. */
export function asksFor(shown: string, indexes: readonly number[]): boolean {
  const [replicas, created] = shown.split("\n")[1]?.split(/\s{2,}/) ?? [];
  const absent = indexes.length === 0 ? "<none>" : undefined;
  return (
    (replicas === String(indexes.length) || replicas === absent) &&
    (created === `[${indexes.join(" ")}]` || created === absent)
  );
}

/** What `COMMAND | grep -E 'PATTERN'` would print. */
export function grep({ command, output }: Shown, pattern: string): Shown {
  const expression = new RegExp(pattern);
  const kept = output.split("\n").filter((line) => expression.test(line));
  return { command: `${command} | grep -E '${pattern}'`, output: kept.join("\n") };
}

/** The fields of `scontrol show job` as a map. Free text with blanks is cut, which does no harm to the fields asked for. */
export function jobFields(output: string): Map<string, string> {
  return new Map([...output.matchAll(/(\w+)=(\S*)/g)].map(([, name = "", value = ""]) => [name, value]));
}
