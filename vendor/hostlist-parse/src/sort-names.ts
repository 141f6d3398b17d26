import { compareNaturally } from "./compare-naturally.ts";
import type { HostNumber } from "./number-text.ts";
import { SAFE_DIGITS } from "./number-text.ts";
import type { NumberedNameVisitor } from "./numbered-name.ts";
import { visitNumberedNames } from "./numbered-name.ts";

/**
 * Visits names as {@link visitNumberedNames} does, but in the order of `scontrol show hostlistsorted`: by prefix in
 * natural order; within a prefix the name without a number first, then by the length of the number as written, then
 * by its value. Duplicates are kept.
 */
export function visitSortedNames(names: Iterable<string>, visit: NumberedNameVisitor): void {
  // Sorting plain numbers in groups of the same prefix and width is several times faster than comparing names.
  const groups = new Map<string, Map<number, HostNumber[]>>();
  visitNumberedNames(names, (prefix, number, width) => {
    let widths = groups.get(prefix);
    if (widths === undefined) {
      widths = new Map();
      groups.set(prefix, widths);
    }
    const numbers = widths.get(width);
    if (numbers === undefined) widths.set(width, [number]);
    else numbers.push(number);
  });
  for (const [prefix, widths] of [...groups].sort(([left], [right]) => compareNaturally(left, right))) {
    for (const [width, numbers] of [...widths].sort(([left], [right]) => left - right)) {
      for (const number of sortNumbers(numbers, width)) visit(prefix, number, width);
    }
  }
}

function sortNumbers(numbers: HostNumber[], width: number): Iterable<HostNumber> {
  // A typed array sorts without calling back; up to this width every number is exact in it.
  if (width <= SAFE_DIGITS) return Float64Array.from(numbers, Number).sort();
  return numbers.sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}
