import { ERRORS } from "./errors.ts";
import type { ExpandCase } from "./expand-case.ts";
import { ONE_BRACKET } from "./one-bracket.ts";
import { SEVERAL_BRACKETS } from "./several-brackets.ts";

/** What Slurm 24.11 says as well: the names are its names, and where it reports an error there is one here. */
export const AS_SLURM: readonly ExpandCase[] = [...ONE_BRACKET, ...SEVERAL_BRACKETS, ...ERRORS];
