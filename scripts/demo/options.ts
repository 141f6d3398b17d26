import { parseArgs } from "node:util";
import { type Suite, suites } from "../images/debian-base.ts";

export const usage = `Usage: npm run demo [-- OPTIONS]

Shows how a job wakes a parked Slurm node and how the node is parked again, step by step, with real commands and their real
output: on a whole Kubernetes that is started on this machine, with the operator, the head and the worker in Pods.
All that it started and wrote is removed at the end, also on Ctrl-C; built images and programs are kept for the next time.

  --suite SUITE    Slurm of this Debian: bookworm (22.05), trixie (24.11) or sid (26.05); by default trixie, and
                   bookworm where helm cannot be built, as the plain manifests are for that
  --keep           leave the cluster up, and print commands to try and the one that ends it
  --local          the quick one: no Pods; a stand-in for operator and kubelet runs slurmd on this machine
  --context NAME   use the cluster of this context of your kubeconfig, in a namespace of its own; needs --registry
  --registry REPO  where that cluster's machines find the images REPO/{head,worker,operator}:SUITE
  --help           print this

Needs Linux and root, Debian 12 for what is missing; with --context neither.
Exit codes: 0 every step happened, 1 one did not, 2 wrong arguments, 130 ended by Ctrl-C.
`;

/** What to show, and where. */
export type Options =
  | { readonly mode: "help" }
  | { readonly mode: "quick" }
  | { readonly mode: "local"; readonly suite: Suite | undefined; readonly keep: boolean }
  | {
      readonly mode: "own";
      readonly suite: Suite | undefined;
      readonly keep: boolean;
      readonly context: string;
      readonly registry: string;
    };

/** @throws Error that says what is wrong with the arguments */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h" },
      local: { type: "boolean" },
      keep: { type: "boolean", default: false },
      suite: { type: "string" },
      context: { type: "string" },
      registry: { type: "string" },
    },
  });
  const { keep, context, registry } = values;
  if (values.help === true) return { mode: "help" };
  const suite = suites.find((each) => each === values.suite);
  if (values.suite !== undefined && suite === undefined) {
    throw new Error(`unknown suite ${values.suite}: there are ${suites.join(", ")}`);
  }
  if (values.local === true) {
    const [other] = Object.keys(values).filter((name) => !["local", ...(keep ? [] : ["keep"])].includes(name));
    if (other !== undefined) throw new Error(`--local and --${other} do not go together`);
    return { mode: "quick" };
  }
  if (context === undefined) {
    if (registry !== undefined)
      throw new Error("--registry is for --context: the local cluster gets its images without");
    return { mode: "local", suite, keep };
  }
  if (registry === undefined) throw new Error(`--context needs --registry\n${imagesNeeded(suite ?? "trixie")}`);
  return { mode: "own", suite, keep, context, registry: registry.replace(/\/$/, "") };
}

/** How the images come to where a cluster of one's own can pull them. */
function imagesNeeded(suite: Suite): string {
  return [
    `Its machines must be able to pull the images head, worker and operator with the tag ${suite}. Build them with`,
    `    npm run images -- ${suite}`,
    "and push the three to a registry of yours, REPO; or load them into the machines' container runtime, and REPO is",
    "    localhost/slurm-power-agent",
  ].join("\n");
}
