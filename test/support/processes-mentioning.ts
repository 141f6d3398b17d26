import { readdir, readFile } from "node:fs/promises";

/** Command lines of the other processes that have all of `texts` in their command line or environment. */
export async function processesMentioning(...texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    // A process that ends meanwhile, or is hidden even from root, is none of ours.
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    const command = (await read("cmdline")).replaceAll("\0", " ");
    const all = `${command}\n${await read("environ")}`;
    if (texts.every((text) => all.includes(text))) found.push(command);
  }
  return found;
}
