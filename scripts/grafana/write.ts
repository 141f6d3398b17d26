/** Writes the dashboard: `npm run dashboard`. */
import { writeFile } from "node:fs/promises";
import { buildDashboard } from "./dashboard.ts";

const file = new URL("../../deploy/grafana/slurm-power-agent.json", import.meta.url);
await writeFile(file, `${JSON.stringify(buildDashboard(), undefined, 2)}\n`);
