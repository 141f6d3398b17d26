import { HostlistError } from "./hostlist-error.ts";
import type { HostNumber } from "./number-text.ts";
import { isDigit, readNumber } from "./number-text.ts";

/**
 * Is told a host name taken apart, as Slurm does (src/common/hostlist.c `hostname_create_dims`): `n-007` is `n-`, 7, 3.
 *
 * @param prefix the name without its trailing digits
 * @param number the trailing digits as a number; 0 if there are none
 * @param width how many trailing digits there are; 0 for a name without a number
 */
export type NumberedNameVisitor = (prefix: string, number: HostNumber, width: number) => void;

/** Characters that mean something in a hostlist, so that a name with one of them cannot be written in it. */
const SPECIAL = /[[\], \t\n]/;

/**
 * Takes names apart one after the other. (A callback, as a generator costs several times more for each name.)
 *
 * @throws {HostlistError} for a name that no hostlist can hold: an empty one, one with a bracket, comma, blank, tab or
 * newline, one with a number that is too great for Slurm.
 */
export function visitNumberedNames(names: Iterable<string>, visit: NumberedNameVisitor): void {
  // Names mostly come in runs of one prefix: sharing it saves the copy and the check.
  let prefix = "";
  for (const name of names) {
    let digits = name.length;
    while (digits > 0 && isDigit(name.charCodeAt(digits - 1))) digits--;
    if (digits !== prefix.length || !name.startsWith(prefix)) {
      prefix = name.slice(0, digits);
      checkPrefix(name, prefix);
    }
    if (name === "") throw new HostlistError(name, 0, "a host name in a hostlist cannot be empty");
    visit(prefix, readNumber(name, digits, name.length), name.length - digits);
  }
}

function checkPrefix(name: string, prefix: string): void {
  const special = prefix.search(SPECIAL);
  if (special < 0) return;
  throw new HostlistError(name, special, `a host name in a hostlist cannot have ${JSON.stringify(prefix[special])}`);
}
