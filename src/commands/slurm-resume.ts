import { runPowerCommand } from "../programs/power-command.ts";

void runPowerCommand(
  "resume",
  "ResumeProgram of slurm.conf: asks for worker Pods by adding nodes to the SlurmCluster.",
);
