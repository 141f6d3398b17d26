/** Whether slurmctld answers, and can be read as the copilot needs it. */
import { hidesNodes } from "../../slurm/config.ts";
import type { SlurmReadErrorCode } from "../../slurm/reading.ts";
import type { Check } from "./check.ts";
import { type CheckCode, type Finding, finding } from "./codes.ts";
import type { Facts } from "./facts.ts";

const problems: Readonly<Record<SlurmReadErrorCode, readonly [CheckCode, string]>> = {
  ControllerDown: ["SlurmctldDown", "start slurmctld, or look into SlurmctldLogFile for why it ended"],
  PowerSavingOff: [
    "PowerSavingOff",
    "set SuspendTime, ResumeProgram and SuspendProgram in slurm.conf, then scontrol reconfigure",
  ],
  HiddenNodes: ["HiddenNodes", "PrivateData=cloud in slurm.conf, then scontrol reconfigure"],
  PartialList: ["SlurmUnreadable", "run this again; if it stays so, restart slurmctld"],
  Unreadable: [
    "SlurmUnreadable",
    "run scontrol as SlurmUser and see what it says; name its path as scontrol in the settings file",
  ],
};

export const slurmctld: Check = {
  name: "slurmctld",
  run: (facts) => ({ findings: [...findProblem(facts), ...findControllersDown(facts)] }),
};

function findProblem({ config, slurmProblem }: Facts): Finding[] {
  if (slurmProblem === undefined) return [];
  const [code, fix] = problems[slurmProblem.code];
  const hidden = code !== "HiddenNodes" && "value" in config && hidesNodes(config.value);
  return [
    finding(code, "slurmctld", slurmProblem.message, fix),
    ...(hidden ? [finding("HiddenNodes", "PrivateData", "does not have cloud", problems.HiddenNodes[1])] : []),
  ];
}

function findControllersDown({ controllers }: Facts): Finding[] {
  if (!controllers.some(({ up }) => up)) return [];
  return controllers
    .filter(({ up }) => !up)
    .map(({ name, role }) =>
      finding("ControllerDown", `slurmctld of ${name}`, `the ${role} does not answer`, `start slurmctld on ${name}`),
    );
}
