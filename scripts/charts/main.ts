/**
 * Writes what is made from the charts: deploy/manifests, the tables of values in the charts' READMEs, and the operator chart's copies
 * of what lies elsewhere in deploy. Tests hold them equal.
 */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { charts, copies, renderManifest, renderReadme } from "./charts.ts";
import { prepareHelm } from "./helm.ts";

for (const { source, copy } of copies) await copyFile(source, copy);
const helm = await prepareHelm();
if (helm.missing !== undefined) {
  console.error(`${helm.missing}; deploy/manifests are left as they are`);
  process.exitCode = 1;
}
for (const chart of charts) {
  await writeFile(join(chart.folder, "README.md"), await renderReadme(chart));
  if (helm.missing !== undefined) continue;
  await mkdir(dirname(chart.manifest), { recursive: true });
  await writeFile(chart.manifest, await renderManifest(helm.program, chart));
  console.log(`wrote ${chart.manifest}`);
}
