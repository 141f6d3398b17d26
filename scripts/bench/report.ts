/** Results as JSON, for machines, and as tables between markers of docs/performance.md, for people. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Table } from "./benchmark.ts";
import type { Machine } from "./machine.ts";

const docs = join(import.meta.dirname, "../../docs");

/** Writes what a benchmark measured to docs/performance/NAME.json and into its part of docs/performance.md. */
export async function writeReport(name: string, machine: Machine, tables: readonly Table[], at: Date): Promise<void> {
  const measured = at.toISOString().slice(0, 10);
  await mkdir(join(docs, "performance"), { recursive: true });
  const numbers = tables.map(({ picture: _, ...table }) => table);
  const json = JSON.stringify({ benchmark: name, measured, machine, tables: numbers }, null, 2);
  const pictures = new Map<Table, string>();
  for (const table of tables) {
    if (table.picture === undefined) continue;
    const { name: file, svg, words } = table.picture;
    pictures.set(table, `![${words}](performance/${file}.svg)`);
    await writeFile(join(docs, "performance", `${file}.svg`), svg);
  }
  await writeFile(join(docs, "performance", `${name}.json`), `${json}\n`);
  const page = join(docs, "performance.md");
  await writeFile(page, replacePart(await readFile(page, "utf8"), name, markdown(machine, tables, pictures, measured)));
}

/** Puts a text between `<!-- NAME -->` and `<!-- end of NAME -->`. @throws Error when the page has no such markers */
function replacePart(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`the page has no part between ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}

/** The tables, each above its picture, and on what machine they were measured. */
function markdown(
  machine: Machine,
  tables: readonly Table[],
  pictures: ReadonlyMap<Table, string>,
  measured: string,
): string {
  const { cpu, memory, kernel, node, slurm, kubernetes } = machine;
  const where = `Measured ${measured} on ${cpu}, ${memory}, Linux ${kernel}; Node ${node}, Slurm ${slurm}, kube-apiserver ${kubernetes}.`;
  const parts = tables.flatMap((table) => [formatTable(table), pictures.get(table) ?? []].flat());
  return [...parts, where].join("\n\n");
}

function formatTable({ columns, rows, about }: Table): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.map(formatCell).join(" | ")} |`;
  const rule = columns.map((_, column) => (column === 0 ? "---" : "---:"));
  return [about, "", line(columns), line(rule), ...rows.map(line)].join("\n");
}

/** Numbers with three digits that count, so that no table claims more than was measured. */
function formatCell(cell: string | number): string {
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell)) return cell.toLocaleString("en");
  return Number(cell.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
}
