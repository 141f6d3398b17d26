/** Expanding and folding hostlists, beside the process that Slurm has for it. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expandHostlist, foldHostlist } from "../../vendor/hostlist-parse/src/index.ts";
import { type Benchmark, check, type Row, type Table } from "./benchmark.ts";
import { median } from "./statistics.ts";

const execute = promisify(execFile);
const ROUNDS = 15;

/** Numbers that look random, without repeats below 2^20: odd multipliers permute modulo 2^n. */
const scatter = (index: number): number => (index * 644_245) % 1_048_576;
const range = <T>(count: number, item: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => item(i));

/** Items of brackets, in as many brackets as Slurm's limit of 262,144 items asks for. */
function bracketed(prefix: string, items: readonly string[]): string {
  const most = 250_000;
  const brackets = range(Math.ceil(items.length / most), (index) => items.slice(index * most, (index + 1) * most));
  return brackets.map((bracket) => `${prefix}[${bracket.join()}]`).join();
}

/** Shapes of input, made for a number of hosts. The last ones are what costs a careless parser more than they are long. */
const shapes: readonly { readonly title: string; readonly expression: (hosts: number) => string }[] = [
  {
    title: "ranges of 1,000",
    expression: (hosts) =>
      bracketed(
        "n",
        range(hosts / 1000, (index) => `${1000 * index}-${1000 * index + 999}`),
      ),
  },
  { title: "scattered ranges of two", expression: (hosts) => bracketed("n", scattered(hosts / 2)) },
  { title: "three dimensions", expression: (hosts) => `r[0-9]c[0-9]n[0-${hosts / 100 - 1}]` },
  { title: "single names", expression: (hosts) => range(hosts, (index) => `n${scatter(index)}`).join() },
  { title: "a bracket for each", expression: (hosts) => range(hosts, (index) => `a${index}x[${index}]`).join() },
  {
    title: "one name again and again",
    expression: (hosts) =>
      bracketed(
        "a",
        range(hosts, () => "1"),
      ),
  },
];

const sizes = [1000, 10_000, 100_000, 1_000_000] as const;

/** Hostlists: the sizes that clusters have, and how time grows. */
export const hostlists: Benchmark = {
  name: "hostlists",
  run: async ({ installation }) => [await commonTable(join(installation, "node")), growthTable()],
};

/** Pairs of neighbours at scattered places, each a range of its own. */
function scattered(ranges: number): string[] {
  // As short as can be: an argument of a program may have 128 KiB (Linux, MAX_ARG_STRLEN).
  const places = 2 ** Math.ceil(Math.log2(ranges));
  return range(ranges, (index) => {
    const first = 3 * (scatter(index) % places);
    return `${first}-${first + 1}`;
  });
}

interface Common {
  readonly title: string;
  readonly expression: string;
  readonly hosts: number;
  readonly target: string;
}

async function commonTable(node: string): Promise<Table> {
  const common: readonly Common[] = [
    { title: "one range of 65,536", expression: "n[0-65535]", hosts: 65_536, target: "≤ 3 warm, ≤ 10 cold" },
    {
      title: "10,000 scattered ranges",
      expression: bracketed("n", scattered(10_000)),
      hosts: 20_000,
      target: "≤ 4 warm",
    },
    { title: "three dimensions, 40 × 40 × 40", expression: "r[0-39]c[0-39]n[0-39]", hosts: 64_000, target: "" },
  ];
  const folder = await mkdtemp(join(tmpdir(), "bench-hostlists-"));
  try {
    // scontrol wants a configuration, even for hostlists.
    const conf = join(folder, "slurm.conf");
    await writeFile(conf, "ClusterName=bench\nSlurmctldHost=localhost\n");
    const cold = await coldProgram(folder);
    const rows: Row[] = [];
    for (const { title, expression, hosts, target } of common) {
      const names = expandHostlist(expression);
      check(`${title} has ${names.length} hosts`, names.length === hosts);
      const { stdout } = await scontrol(conf, expression);
      check(`${title} is what scontrol makes of it`, stdout === `${names.join("\n")}\n`);
      check(`${title} folds to what it was`, expandHostlist(foldHostlist(names)).join() === names.join());
      const coldTimes: number[] = [];
      const processes: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const result = await execute(node, [cold, expression], { maxBuffer: 1 << 26 });
        const [count, milliseconds] = result.stdout.split(" ").map(Number);
        check(`${title}, cold`, count === hosts);
        coldTimes.push(milliseconds ?? Number.NaN);
        const started = performance.now();
        await scontrol(conf, expression);
        processes.push(performance.now() - started);
      }
      const warm = median(times(() => expandHostlist(expression)));
      const fold = median(times(() => foldHostlist(names)));
      rows.push([title, hosts, warm, median(coldTimes), fold, median(processes), target]);
    }
    return {
      about:
        `Milliseconds, medians of ${ROUNDS}. Warm: after 20 calls; cold: the first call of a fresh process, without its start. ` +
        "The names are compared with those of `scontrol show hostnames`, whose time is that of the process.",
      columns: ["", "hosts", "expand, warm", "expand, cold", "fold, warm", "`scontrol show hostnames`", "target"],
      rows,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const scontrol = (conf: string, expression: string) =>
  execute("scontrol", ["show", "hostnames", expression], {
    env: { SLURM_CONF: conf, PATH: "/usr/bin" },
    maxBuffer: 1 << 26,
  });

/** Writes a program that prints how many hosts an expression has, and in how many milliseconds it found that out. */
async function coldProgram(folder: string): Promise<string> {
  const program = join(folder, "cold.cjs");
  const contents = `
    import { expandHostlist } from "hostlist-parse";
    const started = performance.now();
    const { length } = expandHostlist(process.argv[2]);
    console.log(length, performance.now() - started);`;
  const stdin = { contents, resolveDir: import.meta.dirname };
  await build({ stdin, outfile: program, bundle: true, platform: "node", format: "cjs", conditions: ["source"] });
  return program;
}

function growthTable(): Table {
  const rows = shapes.map(({ title, expression }): Row => {
    const perHost = sizes.map((hosts) => {
      const text = expression(hosts);
      const names = expandHostlist(text);
      check(`${title} has ${names.length} hosts`, names.length === hosts);
      const expand = median(times(() => expandHostlist(text), hosts)) / hosts;
      const fold = median(times(() => foldHostlist(names), hosts)) / hosts;
      check(`${title} folds to what it was`, expandHostlist(foldHostlist(names)).length === hosts);
      return { expand: expand * 1e6, fold: fold * 1e6 };
    });
    return [title, ...perHost.map(({ expand }) => Math.round(expand)), ...perHost.map(({ fold }) => Math.round(fold))];
  });
  const columns = sizes.map((hosts) => hosts.toLocaleString("en"));
  return {
    about: "Nanoseconds for each host, warm: the same in all columns is linear growth.",
    columns: ["", ...columns.map((hosts) => `expand ${hosts}`), ...columns.map((hosts) => `fold ${hosts}`)],
    rows,
  };
}

/** Milliseconds of some warm runs, fewer of them the larger the input is. */
function times(run: () => unknown, hosts = 65_536): number[] {
  const count = hosts > 200_000 ? 3 : ROUNDS;
  for (let warmup = 0; warmup < (hosts > 200_000 ? 1 : 20); warmup += 1) run();
  return range(count, () => {
    const started = performance.now();
    run();
    return performance.now() - started;
  });
}
