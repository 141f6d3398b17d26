/**
 * The shell scripts that containers start with where the resource brings none. They lie beside this file; in the executables, which are
 * one file each, scripts/build-init-scripts.ts puts their text in the place of this module.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeType } from "../names.ts";

const read = (name: string): string => readFileSync(join(import.meta.dirname, `${name}.bash`), "utf8");

/** What every container of a cluster does first. */
const common = read("common");

/** The whole script of each kind of Pod, with the actions that {@link substitute} replaces. */
export const initScripts: Readonly<Record<NodeType, string>> = {
  head: `${common}\n${read("head")}`,
  worker: `${common}\n${read("worker")}`,
  slurmdbd: `${common}\n${read("slurmdbd")}`,
  slurmrestd: `${common}\n${read("slurmrestd")}`,
};
