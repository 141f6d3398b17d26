import { HostlistError } from "./hostlist-error.ts";
import type { NumberRange } from "./range-list.ts";
import { parseRangeList } from "./range-list.ts";

/** Hosts all brackets but the last of a token may have, each: `MAX_PREFIX_CNT` in Slurm's src/common/hostlist.h. */
const MAX_HOSTS_PER_PREFIX_BRACKET = 65_536;

/** One bracket of a token with the literal text that follows it, up to the next bracket or the end. */
export interface Bracket {
  readonly ranges: readonly NumberRange[];
  /** Numbers in all `ranges` together, at least 1. */
  readonly count: number;
  readonly text: string;
}

/** A token such as `rack[1-2]n[01-16].example`: `rack`, then a bracket followed by `n`, then one by `.example`. */
export interface BracketToken {
  readonly head: string;
  /** All brackets but the last. */
  readonly prefixBrackets: readonly Bracket[];
  readonly lastBracket: Bracket;
}

/**
 * Parses a token that has a `[`. Slurm reads such a token from the right: the last `[` with the first `]` after it
 * is the last bracket; before it, each `[` with the last `]` before the next bracket is one more, until a `[`
 * has none: that one and all to its left are literal (Slurm 24.11 src/common/hostlist.c
 * `_hostlist_create_bracketed`, `_push_range_list`). So `a[b[1]` is the one host `a[b1`.
 *
 * (Slurm forgets to report an error in a bracket left of the last two, and drops the token; here it is an error.)
 *
 * @param expression the whole hostlist, for errors
 * @param start where in `expression` the token starts
 * @throws {HostlistError} for a missing `]` at the `[`, and as {@link parseRangeList} does.
 */
export function parseBracketToken(expression: string, start: number, token: string): BracketToken {
  const segments = token.split("[");
  const last = segments.length - 1;
  let first = last;
  while (first > 1 && segments[first - 1]?.includes("]")) first--;
  const head = segments.slice(0, first).join("[");

  const prefixBrackets: Bracket[] = [];
  let at = start + head.length;
  for (let index = first; index < last; index++) {
    const segment = segments[index] ?? "";
    const bracket = parseBracket(expression, at, segment, segment.lastIndexOf("]"));
    if (bracket.count > MAX_HOSTS_PER_PREFIX_BRACKET) {
      const reason = `a bracket that is not the last of its name may have at most ${MAX_HOSTS_PER_PREFIX_BRACKET} hosts`;
      throw new HostlistError(expression, at, reason);
    }
    prefixBrackets.push(bracket);
    at += 1 + segment.length;
  }
  const segment = segments[last] ?? "";
  return { head, prefixBrackets, lastBracket: parseBracket(expression, at, segment, segment.indexOf("]")) };
}

/** Parses the bracket whose `[` is `expression[open]`; `segment` is what follows, and `close` the place of `]` in it. */
function parseBracket(expression: string, open: number, segment: string, close: number): Bracket {
  if (close < 0) throw new HostlistError(expression, open, 'the "[" has no "]"');
  const ranges = parseRangeList(expression, open + 1, open + 1 + close);
  let count = 0;
  for (const range of ranges) count += range.count;
  return { ranges, count, text: segment.slice(close + 1) };
}
