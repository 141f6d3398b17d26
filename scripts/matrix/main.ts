/**
 * `npm run test:matrix [-- SUITE... FILE...]`: runs test/cluster with the Slurm of each suite, and test/api with a current kube-apiserver,
 * and writes docs/compatibility.md. With only some suites or files the page is printed instead, as it would not tell of the others, and
 * test/api is left out. Ends with 1 when a test failed.
 */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../src/version.ts";
import { missingRequirements } from "../cluster/requirements.ts";
import { suites } from "../images/debian-base.ts";
import { createProgress } from "../progress.ts";
import { runCurrentApi } from "./current-api.ts";
import { filesOf, triedOnce } from "./plan.ts";
import { allPassed, renderPage, type SuiteResult } from "./render.ts";
import { runSuite } from "./run-suite.ts";

const root = join(import.meta.dirname, "../..");
const page = join(root, "docs/compatibility.md");
const say = (line: string): void => void process.stderr.write(line);

const all = (await readdir(join(root, "test/cluster"))).filter((file) => file.endsWith(".test.ts")).sort();
const asked = process.argv.slice(2);
const askedSuites = suites.filter((suite) => asked.includes(suite));
const askedFiles = all.filter((file) => asked.includes(file));
const unknown = asked.filter((each) => ![...askedSuites, ...askedFiles].includes(each));
const missing = await missingRequirements();
if (unknown.length > 0) {
  say(`matrix: unknown: ${unknown.join(", ")}. Suites are ${suites.join(", ")}; files are ${all.join(", ")}\n`);
  process.exitCode = 2;
} else if (missing.length > 0) {
  say(`matrix: this machine cannot run a cluster: ${missing.join("; ")}\n`);
  process.exitCode = 1;
} else {
  const wholeMatrix = asked.length === 0;
  const results: SuiteResult[] = [];
  // One after the other: six clusters at once on two cores make tests fail for being slow.
  for (const suite of askedSuites.length > 0 ? askedSuites : suites) {
    const files = filesOf(suite, askedFiles.length > 0 ? askedFiles : all);
    if (files.length > 0) results.push(await runSuite(suite, files, createProgress(suite, say)));
  }
  const currentApi = wholeMatrix
    ? await runCurrentApi(createProgress("api", say))
    : { missing: "only a part was asked for" };
  const date = new Date().toISOString().slice(0, 10);
  const text = renderPage(results, { version, date, triedOnce, currentApi });
  if (wholeMatrix) {
    await writeFile(page, text);
    say(`matrix: wrote ${page}\n`);
  } else {
    process.stdout.write(text);
    say(`matrix: ${page} is as it was, for it tells of all suites and files\n`);
  }
  if (!allPassed("missing" in currentApi ? results : [...results, currentApi])) process.exitCode = 1;
}
