import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { expandHostlist, foldHostlist, HostlistError } from "hostlist-parse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostilePieces, hostlists, hostNames } from "../../vendor/hostlist-parse/test/arbitraries.ts";
import { AS_SLURM } from "../../vendor/hostlist-parse/test/expand-cases/as-slurm.ts";
import { FOLD_CASES } from "../../vendor/hostlist-parse/test/fold-cases.ts";

/*
 * hostlist-parse against the real scontrol: Debian 12's, which is 22.05, and 24.11 in a root folder of Debian 13.
 * scontrol needs a slurm.conf for these commands, but no slurmctld.
 */

const execute = promisify(execFile);

/** Every run takes the same expressions, so that a failure is a change and not luck. */
const SEED = 20_260_101;

/** scontrol processes at a time; each takes a few milliseconds. */
const PARALLEL = 4;

/** One argument of a program holds at most 128 KiB, on Linux. */
const BATCH = 250;

/** A host that no generator makes, to tell the answers of a batch apart. It has no number, so nothing joins it. */
const MARK = "=mark=";

let folder: string;
let slurmConf: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hostlist-oracle-"));
  slurmConf = join(folder, "slurm.conf");
  writeFileSync(slurmConf, "ClusterName=none\nSlurmctldHost=localhost\nNodeName=none\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

const installed = ["/usr/bin/scontrol", "/usr/local/bin/scontrol"].find((path) => existsSync(path));
const trixie = trixieRoot();

function trixieRoot(): string | undefined {
  const script = join(import.meta.dirname, "../../scripts/debian-root.sh");
  try {
    return execFileSync("bash", [script, "trixie", "--print-folder"], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch (error) {
    if (error instanceof Error && "status" in error && error.status === 1) return undefined;
    throw error;
  }
}

/** One scontrol. Every argument gets a comma in front, which means nothing, lest `-1` be an option and `/a` a file. */
interface Oracle {
  /** The names, one a line, or undefined when it reports an error: on stderr, as its exit code is 0 even then. */
  expand(expression: string): Promise<string | undefined>;
  fold(names: readonly string[], sorted?: boolean): Promise<string>;
}

function oracle(program: string, ...args: string[]): Oracle {
  const show = (what: string, hostlist: string): Promise<{ stdout: string; stderr: string }> =>
    execute(program, [...args, "show", what, `,${hostlist}`], {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", SLURM_CONF: args.length > 0 ? "/etc/slurm/slurm.conf" : slurmConf },
      maxBuffer: 1e9,
    });
  return {
    async expand(expression) {
      const { stdout, stderr } = await show("hostnames", expression);
      return stderr === "" ? stdout : undefined;
    },
    async fold(names, sorted = false) {
      const { stdout } = await show(sorted ? "hostlistsorted" : "hostlist", names.join());
      return stdout.replace(/\n$/, "");
    },
  };
}

/** Our answer in the form of the oracle's. */
function expand(expression: string): string | undefined {
  try {
    return expandHostlist(expression)
      .map((name) => `${name}\n`)
      .join("");
  } catch (error) {
    if (error instanceof HostlistError) return undefined;
    throw error;
  }
}

function sample<T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] {
  return fc.sample(arbitrary, { numRuns, seed: SEED });
}

async function forEachInParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

function batches<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  );
}

/** Compares well-formed expressions, many for each process, as a mark can stand between them. */
async function compareExpansions(slurm: Oracle, expressions: readonly string[]): Promise<void> {
  await forEachInParallel(batches(expressions), async (batch) => {
    const answer = await slurm.expand(batch.join(`,${MARK},`));
    const theirs = answer?.split(`${MARK}\n`);
    expect(batch.map((expression, index) => [expression, theirs?.[index]])).toEqual(
      batch.map((expression) => [expression, expand(expression)]),
    );
  });
}

/** Compares expressions one by one, errors included. */
async function compareOutcomes(slurm: Oracle, expressions: readonly string[]): Promise<void> {
  await forEachInParallel(expressions, async (expression) => {
    expect([expression, await slurm.expand(expression)]).toEqual([expression, expand(expression)]);
  });
}

async function compareFolds(slurm: Oracle, lists: ReadonlyArray<readonly string[]>): Promise<void> {
  await forEachInParallel(batches(lists), async (batch) => {
    expect(await slurm.fold(batch.flatMap((names) => [...names, MARK]))).toBe(
      batch.map((names) => `${foldHostlist(names)},${MARK}`).join(),
    );
  });
}

async function compareSortedFolds(slurm: Oracle, lists: ReadonlyArray<readonly string[]>): Promise<void> {
  await forEachInParallel(lists, async (names) => {
    expect([names, await slurm.fold(names, true)]).toEqual([names, foldHostlist(names, { sort: true })]);
  });
}

/** What may stand in a bracket, mostly malformed. */
const bracketContents = fc
  .array(fc.constantFrom("0", "1", "2", "9", "10", "010", "-", ",", " ", "+", "a", "x", "."), { maxLength: 8 })
  .map((parts) => parts.join(""));

/** Slurm takes any text after the lower bound if there is an upper one, and we do not. */
const isStricterHere = (expression: string): boolean => /\d[^\d,-][^,-]*-/.test(expression);

/** Runs of names, in part overlapping, of one kind of number for each prefix. */
const overlappingRuns = fc
  .array(fc.tuple(fc.constantFrom(["a", 0], ["b", 2], ["r10-", 3], ["r9-", 0]), fc.nat(15), fc.nat(6)), {
    maxLength: 6,
  })
  .map((runs) =>
    runs.flatMap(([[prefix, width], lo, more]) =>
      Array.from({ length: more + 1 }, (_, index) => prefix + String(lo + index).padStart(Number(width), "0")),
    ),
  )
  .filter((names) => names.length > 0);

/**
 * Names of all widths, none next to another: Slurm joins neighbours before it sorts, so that its order of widths
 * depends on the order of the names.
 */
const scatteredNames = fc
  .uniqueArray(fc.tuple(fc.constantFrom("a", "b", "r10-", "r9-", ""), fc.nat(400), fc.nat(3)), { minLength: 1 })
  .map((parts) => parts.map(([prefix, half, width]) => prefix + String(2 * half).padStart(width, "0")));

const nameLists = fc.array(hostNames(), { minLength: 1, maxLength: 12 });

describe.skipIf(installed === undefined)(
  `the installed scontrol${installed === undefined ? " (skipped: none installed: bash scripts/setup.sh slurm)" : ""}`,
  () => {
    const slurm = oracle(installed ?? "");

    test("5,000 well-formed expressions", async () => {
      await compareExpansions(slurm, sample(hostlists({ suffix: false }), 5000));
    });

    test("1,500 brackets with anything in them", async () => {
      const contents = sample(bracketContents, 1500).map((content) => `a[${content}]`);
      await compareOutcomes(
        slurm,
        contents.filter((expression) => !isStricterHere(expression)),
      );
    });

    test("the cases of foldHostlist", async () => {
      const lists = FOLD_CASES.map(({ names }) => names.split(" "));
      await compareFolds(slurm, lists);
      await compareSortedFolds(slurm, lists);
    });

    test("5,000 lists of names", async () => {
      await compareFolds(slurm, sample(nameLists, 5000));
    });

    test("1,000 lists of names, sorted", async () => {
      await compareSortedFolds(slurm, [...sample(overlappingRuns, 500), ...sample(scatteredNames, 500)]);
    });
  },
);

describe.skipIf(trixie === undefined)(
  `scontrol of Debian 13${trixie === undefined ? " (skipped: its root folder is missing: bash scripts/setup.sh trixie)" : ""}`,
  () => {
    const slurm = oracle("chroot", trixie ?? "", "scontrol");

    test("the cases of expandHostlist", async () => {
      await compareOutcomes(
        slurm,
        AS_SLURM.map(([expression]) => expression),
      );
    });

    test("5,000 well-formed expressions", async () => {
      await compareExpansions(slurm, sample(hostlists(), 5000));
    });

    test("2,000 texts of special characters, 1,000 brackets with anything in them", async () => {
      const contents = sample(bracketContents, 1000).map((content) => `a[${content}]b`);
      const expressions = [...sample(hostilePieces(), 2000), ...contents];
      await compareOutcomes(
        slurm,
        expressions.filter((expression) => !isStricterHere(expression)),
      );
    });

    test("the cases of foldHostlist", async () => {
      const lists = FOLD_CASES.map(({ names }) => names.split(" "));
      await compareFolds(slurm, lists);
      await compareSortedFolds(slurm, lists);
    });

    test("5,000 lists of names", async () => {
      await compareFolds(slurm, sample(nameLists, 5000));
    });

    test("1,000 lists of names, sorted", async () => {
      await compareSortedFolds(slurm, [...sample(overlappingRuns, 500), ...sample(scatteredNames, 500)]);
    });

    test("what foldHostlist splits, Slurm expands", async () => {
      const names = Array.from({ length: 66_000 }, (_, index) => `n${index}`);
      expect(await slurm.expand("n[0-65999]")).toBeUndefined();
      expect(await slurm.expand(foldHostlist(names))).toBe(`${names.join("\n")}\n`);
    });
  },
);
