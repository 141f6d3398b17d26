import { HostlistError } from "./hostlist-error.ts";

/**
 * A host number. Up to 15 digits it is a `number`, which leaves room below 2^53 to count on by a whole range;
 * above that it is a `bigint`, so that no digit is lost.
 */
export type HostNumber = number | bigint;

/** The digits that always fit a `number` exactly, with room to spare. */
export const SAFE_DIGITS = 15;

/** The greatest number Slurm can hold: an `unsigned long` of 64 bits. */
const GREATEST = 18446744073709551615n;

const ZERO = 0x30;

/** Tells whether a character code is an ASCII digit; C's `isdigit`. `NaN`, the code past the end, is not. */
export function isDigit(code: number): boolean {
  return code >= ZERO && code <= 0x39;
}

/**
 * Reads the digits `text[start..end)` as a number.
 *
 * Slurm reads with `strtoul` and so turns a number above 2^64 - 1 silently into 18446744073709551615, another host;
 * here it is an error.
 *
 * @throws {HostlistError} above 18446744073709551615, at `start`.
 */
export function readNumber(text: string, start: number, end: number): HostNumber {
  if (end - start > SAFE_DIGITS) return readLongNumber(text, start, end);
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + text.charCodeAt(at) - ZERO;
  return value;
}

function readLongNumber(text: string, start: number, end: number): HostNumber {
  let significant = start;
  while (significant < end && text.charCodeAt(significant) === ZERO) significant++;
  const digits = end - significant;
  if (digits <= SAFE_DIGITS) return readNumber(text, significant, end);
  // The length is looked at first: BigInt takes more than linear time, and these digits may be a million.
  const value = digits > 20 ? undefined : BigInt(text.slice(significant, end));
  if (value === undefined || value > GREATEST) {
    throw new HostlistError(text, start, `the number is greater than ${GREATEST}, the greatest that Slurm can hold`);
  }
  return value;
}
