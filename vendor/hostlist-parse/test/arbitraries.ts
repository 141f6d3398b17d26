import fc from "fast-check";

const TEXTS = ["", "a", "b", "n-", "rack", "x", "r1-", "r10-", "r01-", "0", "00", "7", "1-2", ".", ".example.org", "_"];

const digits = fc.oneof(
  { weight: 8, arbitrary: fc.nat(120).map(String) },
  { weight: 2, arbitrary: fc.nat(12).map((value) => String(value).padStart(2, "0")) },
  { weight: 2, arbitrary: fc.nat(1200).map((value) => String(value).padStart(3, "0")) },
  { weight: 1, arbitrary: fc.bigInt(0n, 10n ** 17n).map(String) },
);

/** Host names of few prefixes with numbers close to each other and of several widths, so that there is a lot to join. */
export function hostNames(): fc.Arbitrary<string> {
  const prefix = fc.constantFrom(...TEXTS, "{", "*", "é");
  return fc.tuple(prefix, fc.option(digits, { nil: "" })).map((parts) => parts.join("") || "0");
}

const item = fc.oneof(
  { weight: 3, arbitrary: digits },
  { weight: 3, arbitrary: range(fc.nat(12), 0) },
  { weight: 3, arbitrary: range(fc.nat(110), 2) },
  { weight: 1, arbitrary: range(fc.nat(1010), 3) },
  { weight: 1, arbitrary: fc.nat(20).map((value) => `${value}-`) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(" ", "+", " +"), fc.nat(20)).map((parts) => parts.join("")) },
);

function range(lower: fc.Arbitrary<number>, width: number): fc.Arbitrary<string> {
  return fc.tuple(lower, fc.nat(12)).map(([lo, more]) => `${String(lo).padStart(width, "0")}-${lo + more}`);
}

const bracket = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => `[${items.join()}]`);

/** Well-formed tokens with up to three brackets; text after the last, which only Slurm 23.11 and newer take, if asked. */
export function hostlists({ suffix = true } = {}): fc.Arbitrary<string> {
  const text = fc.constantFrom(...TEXTS);
  const tail = suffix ? text : fc.constant("");
  const bracketed = fc
    .tuple(fc.array(fc.tuple(text, bracket), { minLength: 1, maxLength: 3 }), tail)
    .map(([pairs, end]) => pairs.flat().join("") + end);
  return fc.oneof({ weight: 1, arbitrary: hostNames() }, { weight: 4, arbitrary: bracketed });
}

/** Texts of a hostlist's special characters in any order, mostly malformed. */
export function hostilePieces(): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    "[",
    "]",
    "[",
    "]",
    ",",
    "-",
    " ",
    "\n",
    "\t",
    "+",
    "a",
    "x",
    "0",
    "1",
    "2",
    "12",
    "[1-2]",
    "[1]",
  );
  return fc.array(piece, { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join(""));
}
