import type { HostNumber } from "./number-text.ts";
import { visitNumberedNames } from "./numbered-name.ts";
import { MAX_HOSTS_PER_ITEM, MAX_ITEMS_PER_BRACKET } from "./range-list.ts";
import { visitSortedNames } from "./sort-names.ts";

/** Options for {@linkcode foldHostlist}. */
export interface FoldHostlistOptions {
  /**
   * Whether to sort the names first, which gives the shortest hostlist: prefixes in natural order (`n2-` before
   * `n10-`), within a prefix the name without a number first, then shorter numbers before longer, then by value.
   *
   * @default false
   */
  sort?: boolean;
}

/**
 * Folds host names to a Slurm hostlist, as `scontrol show hostlist` does, or `show hostlistsorted` with `sort`:
 * neighbours with the same prefix and consecutive trailing numbers become a range. Nothing is dropped or reordered,
 * duplicates stay: `expandHostlist(foldHostlist(names))` gives `names`, with `sort` the same names in that order.
 *
 * A range is split at 65,536 hosts and a bracket at 262,144 items, the most that Slurm itself expands.
 *
 * @param names host names, such as those of `expandHostlist`; none gives the empty string
 * @throws {HostlistError} with the name as `expression`, for a name that no hostlist can hold: an empty one, one with
 * a bracket, comma, blank, tab or newline, one whose trailing number is greater than 18446744073709551615.
 *
 * @example
 * ```ts
 * foldHostlist(["node08", "node09", "node10", "login"]); // "node[08-10],login"
 * foldHostlist(["n3", "n1", "n2"]); // "n[3,1-2]"
 * foldHostlist(["n3", "n1", "n2"], { sort: true }); // "n[1-3]"
 * ```
 */
export function foldHostlist(names: Iterable<string>, options: FoldHostlistOptions = {}): string {
  const { sort = false } = options;
  let hostlist = "";
  let group: Group | undefined;

  function add(prefix: string, number: HostNumber, width: number): void {
    if (group !== undefined) {
      if (width > 0 && group.prefix === prefix) {
        if (continues(group, number, width)) {
          group.hi = number;
          group.count++;
          return;
        }
        if (group.itemCount < MAX_ITEMS_PER_BRACKET) {
          group.items += `${rangeText(group)},`;
          group.itemCount++;
          startRange(group, number, width);
          return;
        }
      }
      hostlist += groupText(group);
      group = undefined;
    }
    if (width === 0) hostlist += `${prefix},`;
    else group = { prefix, items: "", itemCount: 1, lo: number, hi: number, count: 1, width };
  }

  if (sort) visitSortedNames(names, add);
  else visitNumberedNames(names, add);
  if (group !== undefined) hostlist += groupText(group);
  return hostlist.slice(0, -1);
}

/** Neighbours with the same prefix, to be written as one bracket, the last range of which still grows. */
interface Group {
  readonly prefix: string;
  /** The finished items, each followed by a comma. */
  items: string;
  /** The finished items and the one that still grows. */
  itemCount: number;
  lo: HostNumber;
  hi: HostNumber;
  /** How many numbers the last range has. */
  count: number;
  width: number;
}

function startRange(group: Group, number: HostNumber, width: number): void {
  group.lo = number;
  group.hi = number;
  group.count = 1;
  group.width = width;
}

/**
 * Tells whether the range may grow by this number: it is the next one, and printed with the width of the range it has
 * as many digits as in its name (the same as `_width_equiv` of Slurm's src/common/hostlist.c, for neighbours).
 */
function continues({ hi, width: rangeWidth, count }: Group, number: HostNumber, width: number): boolean {
  const next = typeof hi === "number" ? hi + 1 : hi + 1n;
  // Loosely, because 999999999999999 + 1 is a number while 1000000000000000 is read as a bigint.
  // biome-ignore lint/suspicious/noDoubleEquals: equal by value, whether number or bigint
  if (next != number || count === MAX_HOSTS_PER_ITEM) return false;
  return width === rangeWidth || (width > rangeWidth && String(number).length === width);
}

function groupText(group: Group): string {
  const { prefix, items, count } = group;
  const last = rangeText(group);
  return items === "" && count === 1 ? `${prefix}${last},` : `${prefix}[${items}${last}],`;
}

function rangeText({ lo, hi, width, count }: Group): string {
  const first = String(lo).padStart(width, "0");
  return count === 1 ? first : `${first}-${String(hi).padStart(width, "0")}`;
}
