/** An expression with its names, or with the position and the reason of its error. */
export type ExpandCase =
  | readonly [expression: string, names: readonly string[]]
  | readonly [expression: string, position: number, reason: string];
