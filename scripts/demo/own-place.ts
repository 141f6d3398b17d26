import { dirname } from "node:path";
import { cleanUpAtExit } from "../cluster/cleanup.ts";
import {
  findSharedOperator,
  isForOperators,
  resource,
  type SharedOperator,
  type TellingObject,
  tellingKinds,
} from "./find-operator.ts";
import { shellWords } from "./format.ts";
import { type Kubectl, kubectlLine, runKubectl, runKubectlNow } from "./kubectl.ts";
import type { DemoImages, Place } from "./place.ts";
import type { Screen } from "./screen.ts";

/** Whose cluster it is and what the demo gets there. */
interface OwnPlaceOptions {
  /** Path of kubectl. */
  readonly program: string;
  /** A context of the user's kubeconfig. */
  readonly context: string;
  /** Whether the namespace can outlive this process. */
  readonly keep: boolean;
  /** A name that no namespace has yet. */
  readonly namespace: string;
  /** Where the cluster's machines find them. */
  readonly images: DemoImages;
}

/**
 * Makes a namespace in a cluster of the user's own. Nothing else is touched: an operator that serves all namespaces is used, else
 * one is to be installed for this namespace only, with a ClusterRole named after it. The resource SlurmCluster is removed at the
 * end only if it was not there before and nobody else has come to use it since.
 *
 * @throws Error before anything is made when the namespace exists, or when an operator is to serve it and does not run
 */
export async function makeOwnPlace(options: OwnPlaceOptions, screen: Screen): Promise<Place> {
  const { program, context, keep, namespace, images } = options;
  const ofContext: Kubectl = { program, options: [`--context=${context}`], env: process.env };
  const kubectl: Kubectl = { ...ofContext, options: [...ofContext.options, `--namespace=${namespace}`] };

  screen.step(`Make the namespace ${namespace} in the cluster of context ${context}`);
  // The clean-up would remove it.
  if (await exists(ofContext, "namespace", namespace)) throw new Error(`there is a namespace ${namespace} already`);
  const hadResource = await exists(ofContext, "crd", resource);
  const operator = await lookForOperator(ofContext);
  const removal = [
    ["delete", "namespace", namespace, "--ignore-not-found"],
    ...(operator === undefined ? [["delete", "clusterrole", `slurm-operator-${namespace}`, "--ignore-not-found"]] : []),
  ];
  const remove = (): void => {
    for (const command of removal) runKubectlNow(ofContext, command);
    if (!hadResource && !isResourceUsed(ofContext)) {
      runKubectlNow(ofContext, ["delete", "crd", resource, "--ignore-not-found"]);
    }
  };
  const leave = cleanUpAtExit(remove);
  const before = isOnPath(program) ? [] : [`alias kubectl=${shellWords([program])}`];
  for (const command of before) screen.command({ command, output: "" });
  screen.command(await runKubectl(ofContext, ["create", "namespace", namespace]));
  if (operator !== undefined) {
    screen.note(
      `${operator.name} in namespace ${operator.namespace} serves the SlurmClusters of all namespaces and will be used.`,
    );
  } else if (hadResource) {
    screen.note("The resource SlurmCluster is there, and no operator that serves all namespaces.");
  }
  screen.proven("all that follows happens in there");
  return {
    kubectl,
    namespace,
    operator: operator === undefined ? { namespace, servesItOnly: true } : undefined,
    images,
    startLimit: 600,
    stop: async () => {
      remove();
      leave();
      return `namespace ${namespace} is gone, and what the demo had made for it`;
    },
    ...(keep
      ? {
          leave: () => {
            leave();
            const lines = removal.map((command) => kubectlLine(ofContext, command));
            const last = `${kubectlLine(ofContext, ["delete", "crd", resource])}   # if nobody else has SlurmClusters by then`;
            return { before, end: hadResource ? lines : [...lines, last] };
          },
        }
      : {}),
  };
}

/** Whether an object without a namespace is there. */
async function exists(kubectl: Kubectl, kind: string, name: string): Promise<boolean> {
  const { output } = await runKubectl(kubectl, ["get", kind, name, "--ignore-not-found", "--output=name"]);
  // Where there is none, the output may be a warning of kubectl's or of the login's.
  return output.split("\n").some((line) => line.endsWith(`/${name}`));
}

/** @throws Error when the one that is there does not run: a second one beside it could meet it later */
async function lookForOperator(kubectl: Kubectl): Promise<SharedOperator | undefined> {
  const args = ["get", tellingKinds, "--all-namespaces", "--output=json"];
  const operator = findSharedOperator(objectsIn((await runKubectl(kubectl, args)).output));
  if (operator?.ready === false) {
    throw new Error(
      `${operator.name} in namespace ${operator.namespace} serves the SlurmClusters of all namespaces, but no Pod of it is ready`,
    );
  }
  return operator;
}

/** Whether somebody has SlurmClusters, or an operator for them, once those of the demo are gone. With the resource go all its objects. */
function isResourceUsed(kubectl: Kubectl): boolean {
  if (runKubectlNow(kubectl, ["get", "crd", resource, "--ignore-not-found", "--output=name"]) === "") return false;
  if (runKubectlNow(kubectl, ["get", resource, "--all-namespaces", "--output=name"]) !== "") return true;
  return objectsIn(runKubectlNow(kubectl, ["get", "clusterroles", "--output=json"])).some(isForOperators);
}

const objectsIn = (list: string): readonly TellingObject[] =>
  (JSON.parse(list) as { readonly items: readonly TellingObject[] }).items;

const isOnPath = (program: string): boolean => (process.env.PATH ?? "").split(":").includes(dirname(program));
