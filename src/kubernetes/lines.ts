/** Lines out of chunks that end anywhere, also inside a character. */
import { KubernetesError } from "./errors.ts";

const NEWLINE = 0x0a;

/**
 * Makes a function that takes the next chunk and gives the lines that are complete with it, without their newlines and without empty
 * ones. What comes after the last newline is kept for the next chunk. Throws {@link KubernetesError} of kind "Malformed" when a line
 * gets longer than `limit` bytes, so that an endless one cannot fill the memory.
 */
export function createLineSplitter(limit: number): (chunk: Buffer) => readonly string[] {
  let begun: Buffer[] = [];
  let length = 0;
  const keep = (part: Buffer): void => {
    length += part.length;
    if (length > limit) throw new KubernetesError("Malformed", `a line of the answer is longer than ${limit} bytes`);
    if (part.length > 0) begun.push(part);
  };
  return (chunk) => {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end));
      if (length > 0) lines.push(Buffer.concat(begun).toString("utf8"));
      begun = [];
      length = 0;
      start = end + 1;
    }
    keep(chunk.subarray(start));
    return lines;
  };
}
