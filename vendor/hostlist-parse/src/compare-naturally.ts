import { isDigit } from "./number-text.ts";

const ZERO = 0x30;

/**
 * Orders two texts as people do, numbers by their value: `n2-` before `n10-`. Two runs of digits of which one starts
 * with a zero are compared digit by digit like decimals, and a text comes before its own continuations. This is the
 * order of prefixes in `scontrol show hostlistsorted` (Slurm 24.11 src/common/strnatcmp.c; that one also skips
 * vertical tabs, form feeds and carriage returns, and so takes different texts for equal, which this never does).
 *
 * @returns negative, 0 or positive, as `Array.prototype.sort` wants it; 0 only for equal texts.
 */
export function compareNaturally(left: string, right: string): number {
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at++;
  if (at === left.length && at === right.length) return 0;

  let run = at;
  while (run > 0 && isDigit(left.charCodeAt(run - 1))) run--;
  if (isDigit(left.charCodeAt(run)) && isDigit(right.charCodeAt(run))) {
    const decimals = left.charCodeAt(run) === ZERO || right.charCodeAt(run) === ZERO;
    if (!decimals) {
      const difference = endOfDigits(left, at) - endOfDigits(right, at);
      if (difference !== 0) return difference;
    } else if (isDigit(left.charCodeAt(at)) !== isDigit(right.charCodeAt(at))) {
      return isDigit(left.charCodeAt(at)) ? 1 : -1;
    }
  }
  return codeOrEnd(left, at) - codeOrEnd(right, at);
}

function endOfDigits(text: string, start: number): number {
  let at = start;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

function codeOrEnd(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) : -1;
}
