import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { asksFor, documentedMessages, grep, hasMessagesInOrder, sinfoStates } from "../../scripts/demo/expectations.ts";
import { indented, shellWords, table, tail, timestamp, waitingLine, wrapped } from "../../scripts/demo/format.ts";
import { withDemoValues } from "../../scripts/demo/manifest-installer.ts";
import { readOptions } from "../../scripts/demo/options.ts";
import { readValues } from "../../scripts/demo/values.ts";
import { startDemo } from "../support/demo.ts";

describe("what the demo expects", () => {
  const messages = documentedMessages("default", "slurm-demo", "cpu", 0);
  const log = (lines: readonly string[]) =>
    lines.map((line) => `2026-01-31T12:00:00.000Z INFO  3fa2c1 ${line}\n`).join("");

  test.each([
    ["all, in order", messages, true],
    ["others in between", messages.flatMap((message) => [message, "job 1 waits"]), true],
    ["one missing", messages.toSpliced(3, 1), false],
    ["two swapped", messages.toSpliced(1, 2, messages[2] ?? "", messages[1] ?? ""), false],
    ["one with more words", messages.with(5, `${messages[5]} failed`), false],
    ["nothing", [], false],
  ])("messages in the log: %s", (_, lines, expected) => {
    expect(hasMessagesInOrder(log(lines), messages)).toBe(expected);
  });

  test("states in sinfo's table", () => {
    const output = `PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST
main*        up   infinite     10  idle~ demo-worker-cpu-[1-10]
main*        up   infinite      1  alloc demo-worker-cpu-0
`;
    expect(Object.fromEntries(sinfoStates(output))).toEqual({
      "demo-worker-cpu-[1-10]": "idle~",
      "demo-worker-cpu-0": "alloc",
    });
  });

  const heading = "REPLICAS   PODS-TO-BE-CREATED   PODS-TO-BE-DELETED\n";
  test.each([
    ["0          <none>               <none>", [], true],
    ["0          []                   [demo-worker-cpu-0]", [], true],
    ["<none>     <none>               <none>", [], true],
    ["1          [0]                  <none>", [0], true],
    ["2          [0 3]                []", [0, 3], true],
    ["0          [0]                  <none>", [0], false],
    ["1          [1]                  <none>", [0], false],
    ["<none>     <none>               <none>", [0], false],
    ["", [], false],
  ])("%s asks for %j: %s", (row, indexes, expected) => {
    expect(asksFor(`${heading}${row}\n`, indexes)).toBe(expected);
  });

  test("grep", () => {
    expect(grep({ command: "cat f", output: "a1\nb\na2\n" }, "^a")).toEqual({
      command: "cat f | grep -E '^a'",
      output: "a1\na2",
    });
  });
});

describe("how the demo's lines look", () => {
  test("time, indentation, line breaks, tables, tails", () => {
    expect([timestamp(0), timestamp(7349), timestamp(123_456)]).toEqual(["[  0.0 s]", "[  7.3 s]", "[123.5 s]"]);
    expect(indented("a\n\nb\n")).toBe("    a\n\n    b");
    expect(wrapped("one two three-and-more four", 9)).toBe("one two\nthree-and-more\nfour");
    expect(
      table([
        ["NAME", "AGE"],
        ["demo-0", "1s"],
      ]),
    ).toBe("NAME     AGE\ndemo-0   1s\n");
    expect(tail("1\n2\n3\n", 2)).toBe("2\n3");
  });

  test("a command for a shell", () => {
    expect(shellWords(["get", "--set=a.b=c", "x[0]", "it's"])).toBe("get --set=a.b=c 'x[0]' 'it'\\''s'");
  });

  test("the waiting line has one line and fits", () => {
    const line = waitingLine(`${"long ".repeat(30)}\nmore`, 12_345, 60_000, 79);
    expect(line).toHaveLength(79);
    expect(line).toMatch(/^ {2}\/ waiting for long .* 12 s of at most 60 s$/);
  });
});

describe("the demo's arguments", () => {
  test.each([
    [[], { mode: "local", suite: undefined, keep: false }],
    [["--suite", "bookworm", "--keep"], { mode: "local", suite: "bookworm", keep: true }],
    [["--local"], { mode: "quick" }],
    [["--help", "--local"], { mode: "help" }],
    [
      ["--context", "kind", "--registry", "example.org/slurm/"],
      { mode: "own", suite: undefined, keep: false, context: "kind", registry: "example.org/slurm" },
    ],
  ])("%j", (args, expected) => {
    expect(readOptions(args)).toEqual(expected);
  });

  test.each([
    [["--suite", "woody"], "unknown suite woody: there are bookworm, trixie, sid"],
    [["--local", "--keep"], "--local and --keep do not go together"],
    [["--local", "--suite", "sid"], "--local and --suite do not go together"],
    [["--registry", "r"], "--registry is for --context"],
    [["--context", "kind"], "--context needs --registry"],
    [["--no-such-option"], "--no-such-option"],
    [["kubelet"], "kubelet"],
  ])("%j is refused", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });

  test.each([
    [["--help"], 0, /^Usage: npm run demo/],
    [["--no-such-option"], 2, /^demo: .*'--no-such-option'[\s\S]*Usage: npm run demo/],
  ])("%j: exit %i without starting anything", async (args, code, output) => {
    const demo = startDemo(...args);
    expect(await demo.ended).toBe(code);
    expect(demo.output()).toMatch(output);
  });
});

test("without helm: the plain manifest gets the demo's times, and one that lacks their lines is refused", async () => {
  const values = await readValues();
  const manifest = await readFile(new URL("../../deploy/manifests/slurm-cluster.yaml", import.meta.url), "utf8");
  const changed = withDemoValues(manifest, values);
  expect(changed).toMatch(
    /\n {4}SuspendTime=30\n {4}DebugFlags=Power\n {4}SlurmctldDebug=verbose\n {4}SuspendTimeout=15\n/,
  );
  expect(changed).toContain("\n          terminationGracePeriodSeconds: 5\n");
  expect(() => withDemoValues("SuspendTime=600", values)).toThrow("no line SuspendTimeout=120");
});
