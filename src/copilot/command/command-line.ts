/** The command line of slurmctld-copilot. */
import { Command, CommanderError } from "commander";
import { version } from "../../version.ts";
import { type CheckFlags, checkHelp, runCheck } from "./check.ts";
import { type DaemonFlags, runDaemon } from "./daemon.ts";
import { type ExplainFlags, explainHelp, explainNodes } from "./explain.ts";
import { type StatusFlags, showStatus, statusHelp } from "./status.ts";

/** Runs the copilot, or one of its commands, with this process's arguments and environment, and ends the process. */
export async function runCopilotCommand(): Promise<void> {
  let exitCode = 0;
  const command = describe((code) => {
    exitCode = code;
  });
  try {
    await command.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    exitCode = error.exitCode === 0 ? 0 : 2;
  }
  process.exit(exitCode);
}

/** `end` is given the exit code of the command that ran. */
function describe(end: (exitCode: number) => void): Command {
  const command = withConnection(new Command("slurmctld-copilot"))
    .description(
      "Keeps Slurm's nodes, the SlurmCluster and the Pods in agreement, beside slurmctld, until it is told to end.",
    )
    .version(version)
    .usage("[options] [command]")
    // What is no command; without it commander would speak of too many arguments.
    .argument("[command]")
    .showHelpAfterError("(--help tells what there is)")
    .option("--once", "two looks, six seconds apart, then end")
    .option("--dry-run", "say what would be done, change nothing")
    .addHelpText(
      "after",
      `
Log: slurm-resume.log, as for slurm-resume. It says what changes, and is silent while all agree.
Signals: SIGTERM and SIGINT end it within 2 s; SIGHUP opens the log anew and reads the settings again.
Backup controllers: on a host whose slurmctld does not serve, --once and --dry-run say so and do nothing. They never take the Lease by which
copilots choose the one that acts.

Exit codes:
  0  ended by SIGTERM or SIGINT, or one round (--once) that could read everything
  1  the round of --once could not read everything, or slurmctld serves on another host; the log says which
  2  wrong usage, or settings that leave no way to work

Examples:
  slurmctld-copilot
  slurmctld-copilot --once --dry-run --kubeconfig ~/.kube/config --namespace default --cluster demo`,
    )
    .exitOverride()
    .enablePositionalOptions()
    .action(async (unknown: string | undefined, flags: DaemonFlags) => {
      if (unknown !== undefined) command.error(`error: unknown command '${unknown}'`);
      end(await runDaemon(flags, process.env));
    });
  withConnection(command.command("status"))
    .description("Shows each node that is not plainly parked or running, and what happens to it next.")
    .option("--all", "every node")
    .option("--json", "as JSON, one entry a node")
    .addHelpText("after", statusHelp)
    .action(async (_flags, status: Command) =>
      end(await showStatus(status.optsWithGlobals<StatusFlags>(), process.env)),
    );
  withConnection(command.command("explain"))
    .description("Tells in sentences how a node is, how it came to that, and what happens next.")
    .argument("<nodes>", "a node's name, or a hostlist such as demo-worker-cpu-[0-3]")
    .option("--json", "as JSON, one entry a node")
    .addHelpText("after", explainHelp)
    .action(async (nodes: string, _flags, explain: Command) =>
      end(await explainNodes(nodes, explain.optsWithGlobals<ExplainFlags>(), process.env)),
    );
  withConnection(command.command("check"))
    .description("Checks settings, rights, programs, slurm.conf and the SlurmCluster, and says what to do.")
    .option("--json", "as JSON")
    .addHelpText("after", checkHelp)
    .action(async (_flags, check: Command) => end(await runCheck(check.optsWithGlobals<CheckFlags>(), process.env)));
  return command;
}

/** Adds the flags that say which cluster and how to reach it. */
function withConnection(command: Command): Command {
  return command
    .option("--namespace <name>", "namespace of the SlurmCluster (else SLURM_NAMESPACE, settings file, the Pod's own)")
    .option("--cluster <name>", "name of the SlurmCluster (else SLURM_CLUSTER, settings file, the Pod's label)")
    .option("--kubeconfig <path>", "kubeconfig to use (else KUBECONFIG, settings file, the Pod's service account)");
}
