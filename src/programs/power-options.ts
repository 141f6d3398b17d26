/** The options of the programs that slurmctld runs, for people: slurmctld itself passes none. */
import { Command, CommanderError } from "commander";
import { version } from "../version.ts";
import type { Invocation, Verb } from "./invocation.ts";

/** What a command line says, or how the program ends without a run: an exit code, and what was wrong with the call. */
export type ParsedArguments =
  | Pick<Invocation, "hostlist" | "flags">
  | { readonly exitCode: 0 }
  | { readonly exitCode: 2; readonly message: string };

/** Parses the arguments behind the program's name. Help, version and usage errors are printed. */
export function parseArguments(verb: Verb, summary: string, args: readonly string[]): ParsedArguments {
  const command = describe(verb, summary);
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? { exitCode: 0 } : { exitCode: 2, message: error.message };
  }
  const [hostlist] = command.processedArgs as [string];
  return { hostlist, flags: command.opts<Invocation["flags"]>() };
}

/** What the help of programs that end Pods says. */
const byHand = `
At a terminal, nodes that Slurm does not have as powered down, or on the way there, are left alone, as their jobs would end with their Pods.
To park such a node: scontrol update NodeName=... State=POWER_DOWN
`;

function describe(verb: Verb, summary: string): Command {
  return new Command(`slurm-${verb}`)
    .description(summary)
    .version(version)
    .argument("<hostlist>", "nodes as Slurm writes them, such as demo-worker-cpu-[0-3]")
    .argument("[features]", "passed by slurmctld when a job asks for a reboot; ignored")
    .option("--namespace <name>", "namespace of the SlurmCluster (else SLURM_NAMESPACE, settings file, the Pod's own)")
    .option("--cluster <name>", "name of the SlurmCluster (else SLURM_CLUSTER, settings file, the Pod's label)")
    .option("--kubeconfig <path>", "kubeconfig to use (else KUBECONFIG, settings file, the Pod's service account)")
    .option("--dry-run", "print the patch and the scontrol calls, change nothing")
    .addHelpText(
      "after",
      `${verb === "resume" ? "" : byHand}
Settings: power-agent.yaml beside slurm.conf ($SLURM_CONF, else /etc/slurm).

Exit codes:
  0  everything is recorded in the SlurmCluster
  1  something failed; the log names it
  2  wrong usage, or settings that leave no way to work

Examples:
  slurm-${verb} demo-worker-cpu-0
  slurm-${verb} --dry-run --kubeconfig ~/.kube/config --namespace default --cluster demo 'demo-worker-cpu-[0-3]'`,
    )
    .exitOverride();
}
