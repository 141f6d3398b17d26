import { runPowerCommand } from "../programs/power-command.ts";

void runPowerCommand(
  "resume-fail",
  "ResumeFailProgram of slurm.conf: withdraws the request for nodes that did not register within ResumeTimeout.",
);
