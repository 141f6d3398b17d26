/** How much of a long expression a message quotes, in characters before and after the position. */
const QUOTED_CONTEXT = 40;

/**
 * A hostlist that cannot be expanded, or a name that cannot be folded.
 *
 * The message holds all three properties, with a long expression cut down to the neighbourhood of the position.
 *
 * @example
 * ```ts
 * try {
 *   expandHostlist("node[1-x]");
 * } catch (error) {
 *   if (error instanceof HostlistError) {
 *     error.position; // 7
 *     error.reason; // 'a number is expected, not "x"'
 *   }
 * }
 * ```
 */
export class HostlistError extends Error {
  override readonly name = "HostlistError";
  /** What was given: the whole hostlist, or for `foldHostlist` the one name. */
  readonly expression: string;
  /** Where in `expression` it goes wrong: 0-based, in UTF-16 code units. */
  readonly position: number;
  /** What is wrong there, as part of a sentence. */
  readonly reason: string;

  constructor(expression: string, position: number, reason: string) {
    super(`${reason}, at offset ${position} of "${quote(expression, position)}"`);
    this.expression = expression;
    this.position = position;
    this.reason = reason;
  }
}

function quote(expression: string, position: number): string {
  const start = position > 2 * QUOTED_CONTEXT ? position - QUOTED_CONTEXT : 0;
  const end = Math.min(expression.length, position + 2 * QUOTED_CONTEXT);
  return `${start > 0 ? "…" : ""}${expression.slice(start, end)}${end < expression.length ? "…" : ""}`;
}
