import { describe, expect, test } from "vitest";
import type { ProgramFact } from "../../../../src/copilot/check/facts.ts";
import { programs } from "../../../../src/copilot/check/programs.ts";
import { outcomeOf, path, program, told } from "../../../support/check-facts.ts";

/** What is found when ResumeProgram differs in this. */
function resumeProgram(changes: Partial<ProgramFact>, slurmVersion = "22.05.8"): string[] {
  return told(programs, {
    config: { slurmVersion },
    facts: { programs: { value: [program("ResumeProgram", changes)] } },
  });
}

const PATH = "/opt/slurm-resume";
const file = (mode: number, uid = 0) => ({ file: path(PATH, { mode, uid }) });

describe("ResumeProgram", () => {
  test.each<[string, Partial<ProgramFact>, string[]]>([
    ["all is well", {}, []],
    ["its group may write it", file(0o775), [`ProgramOpen ResumeProgram=${PATH}: has mode 0775`]],
    ["everybody may write it", file(0o757), [`ProgramOpen ResumeProgram=${PATH}: has mode 0757`]],
    [
      "nobody may execute it",
      file(0o644),
      [`ProgramNotExecutable ResumeProgram=${PATH}: has mode 0644, owner root, group root: slurm may not execute it`],
    ],
    [
      "SlurmUser may not read it, which 23.02 asks for",
      file(0o711),
      [`ProgramNotExecutable ResumeProgram=${PATH}: has mode 0711, owner root, group root: slurm may not read it`],
    ],
    [
      "it belongs to somebody",
      file(0o755, 1000),
      [`ProgramOwner ResumeProgram=${PATH}: has mode 0755, owner uid 1000, group root`],
    ],
    ["it belongs to SlurmUser", file(0o755, 64030), []],
    ["it is not there", { file: path(PATH, null) }, [`ProgramMissing ResumeProgram=${PATH}: does not exist`]],
    [
      "it is a folder",
      { file: path(PATH, { kind: "folder", mode: 0o755 }) },
      [`ProgramMissing ResumeProgram=${PATH}: is not a file`],
    ],
    [
      "no path",
      { value: "slurm-resume", file: path("slurm-resume", null) },
      ["ProgramNotAbsolute ResumeProgram=slurm-resume: is not an absolute path"],
    ],
    [
      "its interpreter is not there",
      { interpreter: path("/opt/node", null), answer: { failure: "spawn ENOENT" } },
      [`ProgramInterpreter ResumeProgram=${PATH}: its first line names /opt/node, which does not exist`],
    ],
    [
      "it does not start",
      { answer: { failure: "slurm-resume.code is broken" } },
      [`ProgramFails ResumeProgram=${PATH}: does not answer --version: slurm-resume.code is broken`],
    ],
    [
      "another release",
      { answer: { version: "0.9.0" } },
      [`ProgramVersion ResumeProgram=${PATH}: is release 0.9.0; this copilot is 1.0.0`],
    ],
    [
      "the other program",
      { ours: "slurm-suspend" },
      [`ProgramSwapped ResumeProgram=${PATH}: is slurm-suspend, not slurm-resume`],
    ],
  ])("%s", (_case, changes, expected) => {
    expect(resumeProgram(changes)).toEqual(expected);
  });

  test("somebody else's", () => {
    const { answer: _answer, ours: _ours, ...foreign } = program("ResumeProgram");
    expect(told(programs, { facts: { programs: { value: [foreign] } } })).toEqual([
      `ProgramForeign ResumeProgram=${PATH}: is not slurm-resume and does not lead to it`,
    ]);
  });

  test("arguments, which only 26.05 takes", () => {
    const withArguments = { value: `${PATH} --namespace x` };
    const told2205 = `ProgramArguments ResumeProgram=${PATH} --namespace x: has arguments, and this is Slurm 22.05.8`;
    expect(resumeProgram(withArguments)).toEqual([told2205]);
    expect(resumeProgram(withArguments, "26.05.5")).toEqual([]);
  });
});

test("no ResumeFailProgram, and the fix names the one beside", () => {
  const config = { programs: { resume: PATH, suspend: "/opt/slurm-suspend" } };
  const value = [program("ResumeProgram"), program("SuspendProgram")];
  const { findings } = outcomeOf(programs, { config, facts: { programs: { value } } });
  expect(findings).toMatchObject([
    {
      code: "NoResumeFailProgram",
      severity: "warning",
      fix: expect.stringMatching(/^ResumeFailProgram=\/opt\/slurm-resume-fail in/),
    },
  ]);
});

test("slurm-suspend as ResumeFailProgram takes the request back as well", () => {
  const value = [program("ResumeFailProgram", { ours: "slurm-suspend" })];
  expect(told(programs, { facts: { programs: { value } } })).toEqual([]);
});
