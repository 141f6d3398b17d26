/** The tables of values in the charts' READMEs, from the comments in values.yaml and the descriptions in values.schema.json. */
import { isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from "yaml";

/** One value of a chart: its path such as `slurm.suspendTime`, its default as YAML, and what the comment above it says. */
export interface ChartValue {
  readonly path: string;
  /** Absent for a map that has values below it. */
  readonly fallback: string | undefined;
  readonly comment: string;
}

/** All values of a values.yaml in its order, maps before what is in them. */
export function chartValues(text: string): ChartValue[] {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter });
  if (document.errors[0] !== undefined) throw document.errors[0];
  const lines = text.split("\n");
  const commentAbove = (line: number): string => {
    const found: string[] = [];
    for (let index = line - 2; /^\s*#/.test(lines[index] ?? ""); index -= 1) {
      found.unshift((lines[index] ?? "").replace(/^\s*#\s?/, ""));
    }
    return found.join(" ");
  };
  const values: ChartValue[] = [];
  const walk = (map: YAMLMap, prefix: string): void => {
    for (const { key, value } of map.items) {
      if (!isScalar(key) || key.range == null) throw new Error(`values.yaml: ${prefix} has a key that is no word`);
      const path = `${prefix}${key.value}`;
      const comment = commentAbove(lineCounter.linePos(key.range[0]).line);
      if (isMap(value) && value.items.length > 0) {
        values.push({ path, fallback: undefined, comment });
        walk(value, `${path}.`);
      } else {
        // As JSON, which is YAML on one line.
        values.push({ path, fallback: JSON.stringify((value as { toJSON(): unknown }).toJSON()), comment });
      }
    }
  };
  if (!isMap(document.contents)) throw new Error("values.yaml holds no map");
  walk(document.contents, "");
  return values;
}

/** The values of a values.yaml as a Markdown table. A map is a row only where it has a comment. */
export function valuesTable(text: string): string {
  const rows = chartValues(text)
    .filter(({ fallback, comment }) => fallback !== undefined || comment !== "")
    .map(({ path, fallback, comment }) => {
      return `| ${fallback === undefined ? `**${path}**` : `\`${path}\``} | ${fallback === undefined ? "" : code(fallback)} | ${escapeCell(comment)} |`;
    });
  return ["| value | default | meaning |", "|---|---|---|", ...rows].join("\n");
}

/** As much of JSON Schema as the tables need. */
interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

/** A Markdown table for each list whose items have described keys, such as `workerGroups`. */
export function listItemTables(schema: Schema, path = ""): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const own = path === "" ? name : `${path}.${name}`;
    const { items } = property;
    const entries = Object.entries(items?.properties ?? {}).filter(([, { description }]) => description !== undefined);
    if (items === undefined || entries.length === 0) return listItemTables(property, own);
    const rows = entries.map(([key, { description = "" }]) => {
      return `| \`${key}\` | ${items.required?.includes(key) ? "yes" : "no"} | ${escapeCell(description)} |`;
    });
    const table = [`Each of \`${own}\`:`, "", "| key | needed | meaning |", "|---|---|---|", ...rows].join("\n");
    return [table, ...listItemTables(items, `${own}[]`)];
  });
}

const code = (text: string): string => `\`${escapeCell(text)}\``;
const escapeCell = (text: string): string => text.replaceAll("|", "\\|");
