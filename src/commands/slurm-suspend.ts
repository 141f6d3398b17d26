import { runPowerCommand } from "../programs/power-command.ts";

void runPowerCommand(
  "suspend",
  "SuspendProgram of slurm.conf: gives worker Pods back by naming them for deletion in the SlurmCluster.",
);
