/** How the demo's lines look: pure functions from facts to text, without colours. */

/** Elapsed time in front of a step: `[  7.3 s]`, ten columns wide up to 999.9 s. */
export function timestamp(milliseconds: number): string {
  return `[${(milliseconds / 1000).toFixed(1).padStart(5)} s]`;
}

/** Indents every line by four columns, without blanks at the ends of empty ones. A final line end does not count as a line. */
export function indented(text: string): string {
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => (line === "" ? "" : `    ${line}`))
    .join("\n");
}

/** Breaks running text at blanks into lines of at most `width` columns; longer words keep a line of their own. */
export function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** The line shown while something is waited for, named by its first line: at most `width` columns wide. Times are in milliseconds. */
export function waitingLine(what: string, waited: number, limit: number, width: number): string {
  const frame = "|/-\\"[Math.floor(waited / 250) % 4];
  const times = ` ${Math.floor(waited / 1000)} s of at most ${Math.ceil(limit / 1000)} s`;
  const [firstLine = ""] = what.split("\n");
  const room = Math.max(0, width - times.length - "  | waiting for ".length);
  return `  ${frame} waiting for ${firstLine.slice(0, room)}${times}`;
}

/** What is said once where lines cannot be overwritten. The limit is in milliseconds. */
export function waitingNote(what: string, limit: number): string {
  return `waiting for ${what.split("\n")[0]}, at most ${Math.ceil(limit / 1000)} s`;
}

/** Columns as kubectl sets them: left-aligned, three blanks apart, no blanks at the ends of lines. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** The last `count` lines of a text. */
export function tail(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** Words as one line for a shell: those with special characters in quotes. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
