/** The benchmark of the whole path: from logs to lengths, and from lengths to a picture. */
import { describe, expect, test } from "vitest";
import { pathPicture } from "../../scripts/bench/path-picture.ts";
import { millisecondsOf, type Path, type PathSources, pathOf } from "../../scripts/bench/path-times.ts";
import type { AuditEvent } from "../../scripts/cluster/audit.ts";

const node = "slurm-demo-worker-cpu-1";

/** A time of one morning; `seconds` with as many digits as the log has. */
const at = (seconds: string): string => `2026-01-02T08:00:${seconds}Z`;

function request(verb: string, resource: string, name: string, userAgent: string, times: [string, string]): AuditEvent {
  const [requestReceivedTimestamp, stageTimestamp] = times.map(at) as [string, string];
  const user = { username: "somebody" };
  return {
    verb,
    requestURI: "/",
    userAgent,
    user,
    objectRef: { resource, name },
    requestReceivedTimestamp,
    stageTimestamp,
  };
}

const patch = request("patch", "slurmclusters", "slurm-demo", "slurmctld-copilot/0.1.0 (slurm-power-agent)", [
  "02.010500",
  "02.013000",
]);
const create = request("create", "pods", node, "slurm-operator/0.1.0 (slurm-power-agent)", ["02.020000", "02.026250"]);

const sources: PathSources = {
  jobId: "2",
  node,
  slurmctldLog: [
    `[2026-01-02T08:00:00.900] _slurm_rpc_submit_batch_job: JobId=1 InitPrio=1 usec=400`,
    `[2026-01-02T08:00:01.000] _slurm_rpc_submit_batch_job: JobId=2 InitPrio=1 usec=500`,
    `[2026-01-02T08:00:02.000] POWER: power_save: pid 7 waking nodes ${node}`,
    `[2026-01-02T08:00:02.000] POWER: power_save: pid 8 waking nodes ${node}0`,
    `[2026-01-02T08:00:04.500] Node ${node} now responding`,
    "",
  ].join("\n"),
  resumeLog: [
    `${at("02.004")} INFO  aaaaaa namespace: default cluster: slurm-demo`,
    `${at("02.004")} INFO  aaaaaa resume called, args [${node}]`,
    `${at("02.009")} INFO  bbbbbb resume finished: 1 recorded, 0 failed, 8 ms, exit 0`,
    `${at("02.015")} INFO  aaaaaa resume finished: 1 recorded, 0 failed, 11 ms, exit 0`,
    "",
  ].join("\n"),
  audit: [
    { ...patch, userAgent: "kubectl/v1.20.2" },
    { ...patch, requestReceivedTimestamp: at("00.100000"), stageTimestamp: at("00.200000") },
    patch,
    create,
    { ...create, objectRef: { resource: "pods", name: "slurm-demo-worker-cpu-10" } },
  ],
  containerStarted: Date.parse(at("04.000")),
  jobStarted: Date.parse(at("05.500")),
};

const lengths = ({ spans }: Path): number[] => spans.map(({ length }) => Math.round(length * 100) / 100);

describe("the times of a job", () => {
  test("are found among those of other jobs, nodes and programs", () => {
    const path = pathOf(sources);
    expect(lengths(path)).toEqual([1000.5, 10.5, 2.5, 7, 6.25, 1973.75, 500, 1000]);
    expect(path.ending.length).toBeCloseTo(2, 3);
  });

  test.each([
    ["no PATCH", { audit: [create] }, "a PATCH for slurm-demo-worker-cpu-1: found 0 times instead of once"],
    ["two", { audit: [patch, patch, create] }, "a PATCH for slurm-demo-worker-cpu-1: found 2 times instead of once"],
    ["no Pod", { audit: [patch] }, "a Pod slurm-demo-worker-cpu-1 made by the operator: found 0 times instead of once"],
    ["no log", { slurmctldLog: "" }, "_slurm_rpc_submit_batch_job: JobId=2 .*usec=(\\d+): found 0 times"],
    [
      "no end",
      { resumeLog: sources.resumeLog.replace("exit 0\n", "exit 1\n").replace("11 ms, exit 0", "11 ms, exit 1") },
      "the end of run aaaaaa: found 0 times",
    ],
    [
      "a job before its node",
      { jobStarted: Date.parse(at("04.400")) },
      '"Slurm starts the job" ends 100 ms before it begins',
    ],
  ])("%s is an error", (_what, change, message) => {
    expect(() => pathOf({ ...sources, ...change })).toThrow(message);
  });

  test("a log with milliseconds may be behind one with microseconds", () => {
    const resumeLog = sources.resumeLog.replace("02.015", "02.012");
    expect(pathOf({ ...sources, resumeLog }).ending.length).toBe(0);
  });
});

test.each([
  ["2026-01-02T08:00:00Z", 0],
  ["2026-01-02T08:00:00.5Z", 500],
  ["2026-01-02T08:00:00.123", 123],
  ["2026-01-02T08:00:00.000125Z", 0.125],
  ["2026-01-02T08:00:00.123456789+00:00", 123.457],
  ["2026-01-02T09:00:01.000001+01:00", 1000.001],
])("%s has all its digits", (text, milliseconds) => {
  expect(millisecondsOf(text) - Date.parse("2026-01-02T08:00:00Z")).toBeCloseTo(milliseconds, 3);
});

describe("the picture", () => {
  const path = pathOf(sources);
  const { svg, words } = pathPicture(path);

  /** Left edge and width of each bar, in the order in which they are drawn, without the legend's boxes. */
  const bars = [...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="16"/g)].map(
    ([, owner, x, width]) => ({ owner, x: Number(x), end: Number(x) + Number(width) }),
  );
  const upper = bars.slice(0, 8);
  const lower = bars.slice(8);

  test("shows each part once, one after the other, over the whole width", () => {
    expect(upper.map(({ owner }) => owner)).toEqual(path.spans.map(({ owner }) => owner));
    expect(upper[0]?.x).toBe(300);
    expect(upper.at(-1)?.end).toBeCloseTo(880, 0);
    for (const [index, { x }] of upper.slice(1).entries()) {
      // What is too short to be seen is drawn a little wider.
      expect(x).toBeLessThanOrEqual((upper[index]?.end ?? 0) + 0.2);
      expect(x).toBeGreaterThanOrEqual((upper[index]?.end ?? 0) - 2.2);
    }
  });

  test("magnifies what is ours, with what lies between, over the whole width", () => {
    expect(lower.map(({ owner }) => owner)).toEqual(["ours", "kubernetes", "ours", "ours", "kubernetes"]);
    expect(lower[0]?.x).toBe(300);
    expect(Math.max(...lower.map(({ end }) => end))).toBeCloseTo(880, 0);
    const share = (index: number): number => ((lower[index]?.end ?? 0) - (lower[index]?.x ?? 0)) / 580;
    expect(share(0)).toBeCloseTo(10.5 / 26.25, 2);
    expect(share(4)).toBeCloseTo(6.25 / 26.25, 2);
  });

  test("tells the same in words, and how much is whose", () => {
    expect(words).toContain("From sbatch to the job's start: 4.5 s.");
    expect(words).toContain("hook script and slurmctld-copilot (slurm-power-agent) 11 ms");
    expect(svg).toContain(`<desc id="words">${words}</desc>`);
    expect(svg).toContain(">slurm-power-agent: 20 ms<");
    expect(svg).toContain(">Kubernetes: 1.98 s<");
  });

  test("follows the viewer's choice of light or dark", () => {
    const [light = "", dark = ""] = svg.split("@media (prefers-color-scheme: dark)");
    for (const name of ["text", ".card", ".line", ".quiet", ".slurm", ".ours", ".kubernetes", ".lens"]) {
      expect(light).toContain(`${name} {`);
      expect(dark).toContain(`${name} {`);
    }
  });

  test("names cannot break it", () => {
    const spans = path.spans.map((span) => ({ ...span, name: `<b> & "${span.name}"` }));
    const drawn = pathPicture({ ...path, spans }).svg;
    expect(drawn).not.toContain("<b>");
    expect(drawn).toContain("&lt;b> &amp; &quot;");
  });
});
