/** ResumeProgram, SuspendProgram and ResumeFailProgram: whether slurmctld takes them, whether they start, and whether they are ours. */
import { isBefore } from "../../slurm/config.ts";
import { describeStatus, octal, refusal } from "./access.ts";
import { type Check, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";
import { type ProgramFact, type ProgramSetting, together, type User } from "./facts.ts";

/** What stands where in a slurm.conf that uses our programs. */
const expected = {
  ResumeProgram: "slurm-resume",
  SuspendProgram: "slurm-suspend",
  ResumeFailProgram: "slurm-resume-fail",
} as const;

export const programs: Check = {
  name: "programs of slurm.conf",
  run: ({ config: configFact, installation, programs: programFacts, slurmUser, version }) =>
    given(together({ config: configFact, all: programFacts, user: slurmUser }), ({ config, all, user }) => {
      const context = { installation, user, slurmVersion: config.slurmVersion ?? "", version };
      const noResumeFail = config.programs.resume !== undefined && config.programs.resumeFail === undefined;
      return [
        ...all.flatMap((program) => findIn(program, context)),
        ...(noResumeFail
          ? [
              finding(
                "NoResumeFailProgram",
                "ResumeFailProgram",
                "is not set",
                rightLine("ResumeFailProgram", installation),
              ),
            ]
          : []),
      ];
    }),
};

/** For whom and by which releases a program is judged. */
interface Context {
  readonly installation: string;
  readonly user: User;
  readonly slurmVersion: string;
  readonly version: string;
}

/** What slurmctld itself looks at comes first: when that is wrong, nothing else matters. */
function findIn(program: ProgramFact, context: Context): Finding[] {
  const { user } = context;
  const refused = findRefused(program, context);
  const { file } = program;
  if (file.status === undefined) return refused;
  const foreignOwner = file.status.uid !== 0 && file.status.uid !== user.uid;
  return [
    ...refused,
    ...(foreignOwner
      ? [finding("ProgramOwner", subjectOf(program), `has ${describeStatus(file.status)}`, `chown root ${file.path}`)]
      : []),
    ...findNotStarting(program, user),
    ...findNotOurs(program, context),
  ];
}

/** 22.05 src/slurmctld/power_save.c 1004-1029; from 26.05 on power_action.c. */
function findRefused(program: ProgramFact, { installation, slurmVersion, user }: Context): Finding[] {
  const { file, value } = program;
  const subject = subjectOf(program);
  if (!value.startsWith("/")) {
    return [
      finding("ProgramNotAbsolute", subject, "is not an absolute path", rightLine(program.setting, installation)),
    ];
  }
  const [path = ""] = value.split(/\s/);
  if (path !== value && isBefore(slurmVersion, 26, 5)) {
    const fix = `${program.setting}=${path} in slurm.conf; settings belong into power-agent.yaml; then scontrol reconfigure`;
    return [finding("ProgramArguments", subject, `has arguments, and this is Slurm ${slurmVersion}`, fix)];
  }
  if (file.status === undefined || file.status.kind !== "file") {
    const fix = rightLine(program.setting, installation);
    const why = file.status === undefined ? (refusal(file, user, "execute") ?? "does not exist") : "is not a file";
    return [finding("ProgramMissing", subject, why, fix)];
  }
  const why = refusal(file, user, "execute") ?? refusal(file, user, "read");
  const open = (file.status.mode & 0o022) !== 0;
  const again = "then scontrol reconfigure";
  return [
    ...(why === undefined ? [] : [finding("ProgramNotExecutable", subject, why, `chmod 755 ${file.path}, ${again}`)]),
    ...(open
      ? [finding("ProgramOpen", subject, `has mode ${octal(file.status.mode)}`, `chmod go-w ${file.path}, ${again}`)]
      : []),
  ];
}

function findNotStarting(program: ProgramFact, user: User): Finding[] {
  const { answer, file, interpreter } = program;
  const why = interpreter && refusal(interpreter, user, "execute");
  if (interpreter !== undefined && why !== undefined) {
    const cause = `its first line names ${interpreter.path}, which ${why}`;
    const fix = "put the interpreter there, or install the programs again";
    return [finding("ProgramInterpreter", subjectOf(program), cause, fix)];
  }
  if (answer === undefined || !("failure" in answer)) return [];
  const fix = `run ${file.path} --version as ${user.name} with an empty environment and see`;
  return [finding("ProgramFails", subjectOf(program), `does not answer --version: ${answer.failure}`, fix)];
}

function findNotOurs(program: ProgramFact, { installation, version }: Context): Finding[] {
  const { answer, ours, setting } = program;
  const subject = subjectOf(program);
  const right = expected[setting];
  const name = rightLine(setting, installation);
  if (ours === undefined) {
    return [finding("ProgramForeign", subject, `is not ${right} and does not lead to it`, name)];
  }
  // slurm-suspend takes the request back as well.
  const takesBack = setting === "ResumeFailProgram" && ours === "slurm-suspend";
  if (ours !== right && !takesBack) return [finding("ProgramSwapped", subject, `is ${ours}, not ${right}`, name)];
  if (answer === undefined || "failure" in answer || answer.version === version) return [];
  const cause = `is release ${answer.version}; this copilot is ${version}`;
  return [finding("ProgramVersion", subject, cause, "install programs and copilot of one release")];
}

/** The line of slurm.conf that would be right, and what makes it count (seen with 22.05: slurmctld looks at the programs again). */
function rightLine(setting: ProgramSetting, installation: string): string {
  return `${setting}=${installation}/${expected[setting]} in slurm.conf, then scontrol reconfigure`;
}

function subjectOf({ setting, value }: ProgramFact): string {
  return `${setting}=${value}`;
}
