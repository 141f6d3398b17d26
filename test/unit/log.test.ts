import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openLog, textLine } from "../../src/settings/log.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("openLog", () => {
  test("appends one line an event: time, level, run, message", () => {
    const path = join(temporaryFolder(), "resume.log");
    writeFileSync(path, "what was there\n");
    const { log } = openLog({ path, format: "text", program: "slurm-resume", run: "abc123" });
    log.info("namespace: default cluster: slurm-demo");
    log.warn("careful");
    log.error("broken");
    const lines = readFileSync(path, "utf8").split("\n");
    const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
    expect(lines[0]).toBe("what was there");
    expect(lines[1]).toMatch(new RegExp(`^${time} INFO  abc123 namespace: default cluster: slurm-demo$`));
    expect(lines[2]).toMatch(new RegExp(`^${time} WARN  abc123 careful$`));
    expect(lines[3]).toMatch(new RegExp(`^${time} ERROR abc123 broken$`));
    expect(lines.slice(4)).toEqual([""]);
  });

  test("a new log is not readable by everyone", () => {
    const path = join(temporaryFolder(), "resume.log");
    openLog({ path, format: "text", program: "slurm-resume", run: "1" }).log.info("x");
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  test("json gives pino's own lines", () => {
    const path = join(temporaryFolder(), "resume.log");
    openLog({ path, format: "json", program: "slurm-resume", run: "abc123" }).log.error("broken");
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
      level: 50,
      msg: "broken",
      program: "slurm-resume",
      run: "abc123",
      pid: process.pid,
    });
  });
});

test("a message cannot forge a line", () => {
  expect(textLine(0, 30, "run", "bad\nname\u0007")).toBe("1970-01-01T00:00:00.000Z INFO  run bad name \n");
});
