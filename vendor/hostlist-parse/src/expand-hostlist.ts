import type { Bracket, BracketToken } from "./bracket-token.ts";
import { parseBracketToken } from "./bracket-token.ts";
import { HostlistError } from "./hostlist-error.ts";
import { isDigit, readNumber, SAFE_DIGITS } from "./number-text.ts";
import type { NumberRange } from "./range-list.ts";

/** Options for {@linkcode expandHostlist}. */
export interface ExpandHostlistOptions {
  /**
   * How many hosts the result may have. A short expression can mean billions of hosts: `a[0-65535]b[0-65535]`.
   *
   * @default 1_048_576 which is 16 × 65,536, sixteen times as many nodes as a Slurm cluster can have
   */
  limit?: number;
}

const DEFAULT_LIMIT = 16 * 65_536;

const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;
const NEWLINE = 0x0a;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/**
 * Expands a Slurm hostlist to its host names, as `scontrol show hostnames` of Slurm 23.11 and newer does: in the
 * same order, with the same zero padding, duplicates kept. Takes time in proportion to the expression and the result.
 *
 * Tokens are separated by commas, blanks, tabs and newlines. A token has any number of brackets with text before,
 * between and after them. With several brackets the last counts fastest, then the first, the second, and so on; the
 * one before the last counts slowest. A `{` has no meaning and stands for itself, as in all Slurm releases before 25.05.
 *
 * @param expression the hostlist; empty means no hosts
 * @returns the names in order
 * @throws {HostlistError} if any token is malformed (nothing of the expression is returned then, as in Slurm), or if
 * there are more hosts than `limit`.
 *
 * @example
 * ```ts
 * expandHostlist("login,node[08-10,20]"); // ["login", "node08", "node09", "node10", "node20"]
 * expandHostlist("rack[1-2]-[1-2].local"); // ["rack1-1.local", "rack1-2.local", "rack2-1.local", "rack2-2.local"]
 * ```
 */
export function expandHostlist(expression: string, options: ExpandHostlistOptions = {}): string[] {
  const { limit = DEFAULT_LIMIT } = options;
  const names: string[] = [];
  const lastClose = expression.lastIndexOf("]");
  let start = 0;
  while (start < expression.length) {
    if (isSeparator(expression.charCodeAt(start))) {
      start++;
      continue;
    }
    const end = endOfToken(expression, start, lastClose);
    const token = expression.slice(start, end);
    if (token.includes("[")) {
      const parsed = parseBracketToken(expression, start, token);
      checkLimit(expression, start, names.length + countNames(parsed), limit);
      appendNames(names, parsed);
    } else {
      checkNumber(expression, start, end);
      checkLimit(expression, start, names.length + 1, limit);
      names.push(token);
    }
    start = end;
  }
  return names;
}

function isSeparator(code: number): boolean {
  return code === COMMA || code === SPACE || code === TAB || code === NEWLINE;
}

/**
 * Finds the separator that ends the token at `start`. Between a `[` and the next `]` nothing separates; but once a
 * stray `]` has come, brackets no longer protect in this token (Slurm 24.11 src/common/hostlist.c `_next_tok`).
 */
function endOfToken(expression: string, start: number, lastClose: number): number {
  let strayClose = false;
  let at = start;
  for (; at < expression.length; at++) {
    const code = expression.charCodeAt(at);
    if (isSeparator(code)) break;
    if (code === CLOSE) strayClose = true;
    else if (code === OPEN && !strayClose && at < lastClose) at = expression.indexOf("]", at);
  }
  return at;
}

/** A name without brackets stands for itself; only a number that Slurm would change must not pass. */
function checkNumber(expression: string, start: number, end: number): void {
  let digits = end;
  while (digits > start && isDigit(expression.charCodeAt(digits - 1))) digits--;
  if (end - digits > SAFE_DIGITS) readNumber(expression, digits, end);
}

function checkLimit(expression: string, position: number, count: number, limit: number): void {
  if (count > limit) throw new HostlistError(expression, position, `there are more hosts than the limit of ${limit}`);
}

function countNames(token: BracketToken): number {
  return token.prefixBrackets.reduce((product, bracket) => product * bracket.count, token.lastBracket.count);
}

function appendNames(names: string[], token: BracketToken): void {
  for (const prefix of expandPrefixes(token)) {
    for (const range of token.lastBracket.ranges) appendRange(names, prefix, range, token.lastBracket.text);
  }
}

/** All texts that stand before the last bracket's number, in order: the first bracket counts fastest. */
function expandPrefixes({ head, prefixBrackets }: BracketToken): string[] {
  let prefixes = [head];
  // Text that every prefix still gets. A bracket of a single number only adds to it: going through all prefixes for
  // each such bracket would take quadratic time, while one of more numbers at least doubles the prefixes.
  let text = "";
  for (const bracket of prefixBrackets) {
    const numbers = expandBracket(bracket);
    if (numbers.length === 1) {
      text += numbers[0] + bracket.text;
      continue;
    }
    const before = prefixes;
    const between = text;
    prefixes = numbers.flatMap((number) => before.map((prefix) => prefix + between + number));
    text = bracket.text;
  }
  return prefixes.map((prefix) => prefix + text);
}

function expandBracket(bracket: Bracket): string[] {
  const numbers: string[] = [];
  for (const range of bracket.ranges) appendRange(numbers, "", range, "");
  return numbers;
}

function appendRange(names: string[], before: string, range: NumberRange, after: string): void {
  const { lo, count, width } = range;
  if (typeof lo === "bigint") {
    for (let index = 0; index < count; index++) {
      const digits = String(lo + BigInt(index));
      names.push(before + zeros(width - digits.length) + digits + after);
    }
    return;
  }
  // Numbers of the same length share their padding, so it is made once for each length and not for each number.
  const last = lo + count - 1;
  let next = lo;
  while (next <= last) {
    const length = String(next).length;
    const lastOfLength = Math.min(last, 10 ** length - 1);
    const padded = before + zeros(width - length);
    if (after === "") {
      for (; next <= lastOfLength; next++) names.push(padded + next);
    } else {
      for (; next <= lastOfLength; next++) names.push(padded + next + after);
    }
  }
}

function zeros(count: number): string {
  return count > 0 ? "0".repeat(count) : "";
}
