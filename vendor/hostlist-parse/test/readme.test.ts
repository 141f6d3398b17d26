import { readFileSync } from "node:fs";
import { expandHostlist, foldHostlist, HostlistError } from "hostlist-parse";
import { describe, expect, test } from "vitest";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

interface Table {
  readonly head: string;
  readonly rows: readonly string[][];
}

const tables: readonly Table[] = [...readme.matchAll(/(?:^\|.*\|\n)+/gm)].map(([table]) => {
  const lines = table.trimEnd().split("\n");
  const [head = [], , ...rows] = lines.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  return { head: head.join(" | "), rows };
});

/** The rows of all tables with this head, as cells; `a` `b` in a cell are two texts. */
function tableRows(head: string): string[][] {
  return tables.filter((table) => table.head === head).flatMap(({ rows }) => rows);
}

function codes(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]*)`/g)].map(([, code]) => code ?? "");
}

/** The lines `EXPRESSION; // → VALUE` of the code blocks, each with the statements before it in its block. */
function codeExamples(): { code: string; value: string }[] {
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
  return blocks.flatMap((block) =>
    [...block.matchAll(/^(.*); \/\/ → (.*)$/gm)].map(({ index, 1: code = "", 2: value = "" }) => ({
      code: `${block.slice(0, index).replace(/^import .*$/gm, "")}return ${code};`,
      value,
    })),
  );
}

function error(run: () => unknown): HostlistError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof HostlistError) return thrown;
    throw thrown;
  }
  throw new Error("no error");
}

const HEADS = [
  "hostlist | names",
  "hostlist | position | reason",
  "names | hostlist | sorted",
  "name | position | reason",
] as const;
const [EXPANDED, MALFORMED, FOLDED, REFUSED] = HEADS;

describe("README.md", () => {
  test("has its examples where this test looks for them", () => {
    expect(new Set(tables.map(({ head }) => head))).toEqual(new Set(HEADS));
    for (const { rows } of tables) expect(rows).not.toHaveLength(0);
    expect(codeExamples()).toHaveLength(4);
  });

  test.each(tableRows(EXPANDED))("%s expands to %s", (hostlist, names) => {
    expect(expandHostlist(codes(hostlist).join())).toEqual(codes(names));
  });

  test.each(tableRows(MALFORMED))("%s is an error at %s: %s", (hostlist, position, reason) => {
    const { position: actual, reason: actualReason } = error(() => expandHostlist(codes(hostlist).join()));
    expect([String(actual), actualReason]).toEqual([position, reason]);
  });

  test.each(tableRows(FOLDED))("%s folds to %s, sorted to %s", (names, hostlist, sorted) => {
    expect(foldHostlist(codes(names))).toBe(codes(hostlist)[0]);
    expect(foldHostlist(codes(names), { sort: true })).toBe(codes(sorted)[0]);
  });

  test.each(tableRows(REFUSED))("%s cannot be folded, at %s: %s", (name, position, reason) => {
    const { position: actual, reason: actualReason } = error(() => foldHostlist(codes(name)));
    expect([String(actual), actualReason]).toEqual([position, reason]);
  });

  test.each(codeExamples())("$code is $value", ({ code, value }) => {
    const run = new Function("expandHostlist", "foldHostlist", "HostlistError", code);
    expect(run(expandHostlist, foldHostlist, HostlistError)).toEqual(JSON.parse(value));
  });
});
