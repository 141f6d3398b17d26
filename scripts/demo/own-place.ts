import { cleanUpAtExit } from "../cluster/cleanup.ts";
import { type Kubectl, kubectlLine, runKubectl, runKubectlNow } from "./kubectl.ts";
import type { DemoImages, Place } from "./place.ts";
import type { Screen } from "./screen.ts";

const resource = "slurmclusters.kai.alibabacloud.com";

/** Whose cluster it is and what the demo gets there. */
interface OwnPlaceOptions {
  /** Path or name of kubectl. */
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
 * end only if it was not there before and no other SlurmCluster has been made since.
 */
export async function makeOwnPlace(options: OwnPlaceOptions, screen: Screen): Promise<Place> {
  const { program, context, keep, namespace, images } = options;
  const ofContext: Kubectl = { program, options: [`--context=${context}`], env: process.env };
  const kubectl: Kubectl = { ...ofContext, options: [...ofContext.options, `--namespace=${namespace}`] };

  screen.step(`Make the namespace ${namespace} in the cluster of context ${context}`);
  const hadResource =
    (await runKubectl(ofContext, ["get", "crd", resource, "--ignore-not-found", "--output=name"])).output !== "";
  const operatorThere = await servesAllNamespaces(ofContext);
  const removal = [
    ["delete", "namespace", namespace, "--ignore-not-found"],
    ["delete", "clusterrole", `slurm-operator-${namespace}`, "--ignore-not-found"],
  ];
  const remove = (): void => {
    for (const command of removal) runKubectlNow(ofContext, command);
    if (hadResource) return;
    const left = runKubectlNow(ofContext, ["get", "crd", resource, "--ignore-not-found", "--output=name"]);
    if (left === "") return;
    // With the resource go all objects of it: nobody else may have some by now.
    if (runKubectlNow(ofContext, ["get", "slurmclusters", "--all-namespaces", "--output=name"]) !== "") return;
    runKubectlNow(ofContext, ["delete", "crd", resource]);
  };
  const leave = cleanUpAtExit(remove);
  screen.command(await runKubectl(ofContext, ["create", "namespace", namespace]));
  if (operatorThere) screen.note("A slurm-operator that serves all namespaces is there and will be used.");
  else if (hadResource)
    screen.note("The resource SlurmCluster is there, and no slurm-operator that serves all namespaces.");
  screen.proven("all that follows happens in there");
  return {
    kubectl,
    namespace,
    operator: operatorThere ? undefined : { namespace, servesItOnly: true },
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
            return { before: [], end: hadResource ? lines : [...lines, last] };
          },
        }
      : {}),
  };
}

/** What of Deployments tells whom an operator serves. */
interface Deployments {
  readonly items: readonly {
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
  }[];
}

interface Container {
  readonly args?: readonly string[];
}

/** Whether an operator of our chart runs without `--namespace`. */
async function servesAllNamespaces(kubectl: Kubectl): Promise<boolean> {
  const selector = "--selector=app.kubernetes.io/name=slurm-operator";
  const args = ["get", "deployment", "--all-namespaces", selector, "--output=json"];
  const { items } = JSON.parse((await runKubectl(kubectl, args)).output) as Deployments;
  const servesOne = ({ args = [] }: Container) => args.some((arg) => arg.startsWith("--namespace="));
  return items.some(({ spec }) => !spec.template.spec.containers.some(servesOne));
}
