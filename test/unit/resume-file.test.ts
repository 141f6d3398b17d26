import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseResumeFile } from "../../src/slurm/resume-file.ts";

describe("parseResumeFile", () => {
  test.each([
    [
      "22.05",
      '{"jobs":[{"job_id":1,"nodes":"c-worker-cpu-0"}],"all_nodes":"c-worker-cpu-0"}',
      [{ jobId: 1, nodes: "c-worker-cpu-0" }],
    ],
    [
      "24.11",
      '{"all_nodes_resume":"c-worker-cpu-[0-2]","jobs":[{"extra":null,"job_id":7,"features":null,"nodes_alloc":"c-worker-cpu-[0-3]",' +
        '"nodes_resume":"c-worker-cpu-[0-2]","oversubscribe":"OK","partition":"main","reservation":null}]}',
      [{ jobId: 7, nodes: "c-worker-cpu-[0-2]", partition: "main" }],
    ],
    [
      "26.05",
      '{"jobs":[{"exclusive":"NO","extra":null,"job_id":140814,"priority":1,"features":"c1","nodes_resume":"c-worker-cpu-0",' +
        '"oversubscribe":"OK","partition":"main","reservation":null}],"all_nodes_resume":"c-worker-cpu-0"}',
      [{ jobId: 140814, nodes: "c-worker-cpu-0", partition: "main" }],
    ],
    ["POWER_UP by hand", '{"jobs":[],"all_nodes_resume":"c-worker-cpu-0"}', []],
    ["a job without nodes", '{"jobs":[{"job_id":3,"nodes_resume":null}]}', [{ jobId: 3, nodes: "" }]],
  ])("reads the file of %s", (_version, text, jobs) => {
    expect(parseResumeFile(text)).toEqual({ jobs, problems: [] });
  });

  test.each([
    ["", "it is not JSON"],
    ['{"jobs":[{"job_id":1,"nod', "it is not JSON"],
    ["[]", "it is not a JSON object"],
    ["null", "it is not a JSON object"],
    ["{}", "it has no list of jobs"],
    ['{"jobs":{}}', "it has no list of jobs"],
  ])("reports %j and goes on without", (text, problem) => {
    const { jobs, problems } = parseResumeFile(text);
    expect(jobs).toEqual([]);
    expect(problems.join()).toContain(problem);
  });

  test("one bad entry does not cost the others", () => {
    const text = '{"jobs":[null,{"job_id":"x"},{"job_id":5,"nodes":"n1"}]}';
    expect(parseResumeFile(text)).toEqual({
      jobs: [{ jobId: 5, nodes: "n1" }],
      problems: ["entry 0 of its jobs has no job_id", "entry 1 of its jobs has no job_id"],
    });
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => Array.isArray(parseResumeFile(text).jobs)));
  });
});
