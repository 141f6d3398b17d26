/**
 * Text in columns that stand under each other. A character counts as one place: names and words of Slurm and Kubernetes are ASCII, and what
 * people write stands best in the last column.
 */
import { oneLine } from "./one-line.ts";

/** A column: its heading, and what happens to it where the table would be wider than it may. */
export interface TableColumn {
  readonly title: string;
  /** `fold`: its text goes on in further lines of the row. `put below`, only for the last column: it gets lines of its own. @default stays */
  readonly whenWide?: "fold" | "put below";
}

/** A row: its cells, one a column, and how all its lines are shown, in a colour say. */
export interface TableRow {
  readonly cells: readonly string[];
  readonly style?: (line: string) => string;
}

/** Least width of a column that is folded: narrower ones are not read but spelt. */
const NARROWEST = 24;

const GAP = "  ";

/** What stands below a row is set in by so much. */
const INDENT = "    ";

/** Makes the lines of a table. `width` is the most that a line may have; without it each row is one line, for grep and awk. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly TableRow[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const texts = rows.map(({ cells }) => cells.map(oneLine));
  const natural = columns.map(({ title }, column) =>
    Math.max(title.length, ...texts.map((cells) => cells[column]?.length ?? 0)),
  );
  const below = total(natural) > width && columns.at(-1)?.whenWide === "put below";
  const beside = below ? columns.slice(0, -1) : columns;
  const widths = shrink(beside, natural.slice(0, beside.length), width);
  const line = (cells: readonly string[]): string =>
    widths
      .map((each, column) => (cells[column] ?? "").padEnd(each))
      .join(GAP)
      .trimEnd();
  const body = rows.flatMap(({ style = (text) => text }, row) => {
    const cells = texts[row] ?? [];
    const last = cells.at(-1) ?? "";
    const under = below && last !== "" && last !== "-" ? foldText(last, width - INDENT.length) : [];
    const folded = foldCells(cells.slice(0, beside.length), widths).map(line);
    return [...folded, ...under.map((text) => INDENT + text)].map(style);
  });
  return [line(beside.map(({ title }) => title)), ...body];
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1);
}

/** Widths that fit, where they can: what is too much is taken from the columns that fold, the widest first. */
function shrink(columns: readonly TableColumn[], natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const foldable = (): number[] =>
    [...widths.keys()].filter((column) => columns[column]?.whenWide === "fold" && (widths[column] ?? 0) > NARROWEST);
  for (let candidates = foldable(); total(widths) > width && candidates.length > 0; candidates = foldable()) {
    const widest = candidates.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** The cells of one row as those of several lines. */
function foldCells(cells: readonly string[], widths: readonly number[]): string[][] {
  const folded = cells.map((cell, column) => foldText(cell, widths[column] ?? cell.length));
  const height = Math.max(1, ...folded.map(({ length }) => length));
  return Array.from({ length: height }, (_, index) => folded.map((lines) => lines[index] ?? ""));
}

/** Text in lines of at most `width` characters, broken at blanks; a longer word is broken behind a comma, or where it must be. */
export function foldText(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(" ", width);
    const comma = rest.lastIndexOf(",", width - 1);
    const end = blank > 0 ? blank : comma > 0 ? comma + 1 : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
