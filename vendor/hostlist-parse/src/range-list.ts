import { HostlistError } from "./hostlist-error.ts";
import type { HostNumber } from "./number-text.ts";
import { isDigit, readNumber } from "./number-text.ts";

/** Hosts one item such as `0-65535` may have: `MAX_RANGE` in Slurm's src/common/hostlist.h. */
export const MAX_HOSTS_PER_ITEM = 65_536;

/** Items one bracket may have: `MAX_RANGES` in Slurm's src/common/hostlist.c, where one more ends the program. */
export const MAX_ITEMS_PER_BRACKET = 262_144;

/** One item of a bracket: the numbers from `lo` to `lo + count - 1`, each padded with zeros to `width` characters. */
export interface NumberRange {
  readonly lo: HostNumber;
  readonly count: number;
  readonly width: number;
}

const COMMA = 0x2c;
const HYPHEN = 0x2d;
const PLUS = 0x2b;

/**
 * Parses what stands between two brackets, `expression[start..end)`: items `N`, `N-M` or `N-` (the same as `N`),
 * separated by single commas. The width of an item is the length of its lower bound alone, as written.
 *
 * As `strtoul` does, a bound may begin with blanks and a plus sign, and they count for the width: `[+1]` is `01`.
 * (Slurm 24.11 src/common/hostlist.c `_parse_single_range`. Slurm does not look at what follows the lower
 * bound when there is an upper one, so it takes `[1z-3]` for `[01-03]`; here it is an error.)
 *
 * @throws {HostlistError} at the first character that does not fit, or at the start of an item that is descending,
 * larger than {@link MAX_HOSTS_PER_ITEM} or beyond {@link MAX_ITEMS_PER_BRACKET}.
 */
export function parseRangeList(expression: string, start: number, end: number): NumberRange[] {
  const ranges: NumberRange[] = [];
  for (let at = start; at <= end; at++) {
    const itemStart = at;
    if (ranges.length === MAX_ITEMS_PER_BRACKET) {
      throw new HostlistError(expression, itemStart, `a bracket may have at most ${MAX_ITEMS_PER_BRACKET} items`);
    }
    const lowerStart = skipBlanksAndPlus(expression, itemStart, end);
    at = endOfNumber(expression, lowerStart, end);
    const lo = readNumber(expression, lowerStart, at);
    const width = at - itemStart;
    let count = 1;
    if (at < end && expression.charCodeAt(at) === HYPHEN) {
      at++;
      if (at < end && expression.charCodeAt(at) !== COMMA) {
        const upperStart = skipBlanksAndPlus(expression, at, end);
        at = endOfNumber(expression, upperStart, end);
        count = countHosts(expression, itemStart, lo, readNumber(expression, upperStart, at));
      }
    }
    if (at < end && expression.charCodeAt(at) !== COMMA) {
      throw new HostlistError(expression, at, `unexpected ${show(expression, at)} after a number`);
    }
    ranges.push({ lo, count, width });
  }
  return ranges;
}

function skipBlanksAndPlus(expression: string, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(expression.charCodeAt(at))) at++;
  if (at < end && expression.charCodeAt(at) === PLUS) at++;
  return at;
}

/** C's `isspace`: space, tab, line feed, vertical tab, form feed, carriage return. */
function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function endOfNumber(expression: string, start: number, end: number): number {
  let at = start;
  while (at < end && isDigit(expression.charCodeAt(at))) at++;
  if (at === start) {
    throw new HostlistError(expression, at, `a number is expected, not ${show(expression, at)}`);
  }
  return at;
}

function countHosts(expression: string, itemStart: number, lo: HostNumber, hi: HostNumber): number {
  if (hi < lo) throw new HostlistError(expression, itemStart, "the range is descending");
  const count = typeof lo === "number" && typeof hi === "number" ? hi - lo + 1 : Number(BigInt(hi) - BigInt(lo)) + 1;
  if (count > MAX_HOSTS_PER_ITEM) {
    throw new HostlistError(expression, itemStart, `a range may have at most ${MAX_HOSTS_PER_ITEM} hosts`);
  }
  return count;
}

function show(expression: string, at: number): string {
  return JSON.stringify(String.fromCodePoint(expression.codePointAt(at) ?? 0));
}
