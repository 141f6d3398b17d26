import type { Kubectl } from "./kubectl.ts";

/** A Kubernetes whose machines have the images, and where the demo may install its things. */
export interface Place {
  /** Leads to {@link namespace} without further options. */
  readonly kubectl: Kubectl;
  /** Where the SlurmCluster goes. */
  readonly namespace: string;
  /** Where the operator is to go, and whether it serves that namespace only; `undefined` when one is there already. */
  readonly operator: { readonly namespace: string; readonly servesItOnly: boolean } | undefined;
  readonly images: DemoImages;
  /** Seconds that a Pod may take to start, image pull included. */
  readonly startLimit: number;
  /** Ends and removes all. @returns what is gone, for the user */
  stop(): Promise<string>;
  /** Lets it run on after this process; only where that was asked for. */
  readonly leave?: () => HowToGoOn;
}

/** Lines that a user can type when the demo has left its cluster up. */
export interface HowToGoOn {
  /** Before all others. */
  readonly before: readonly string[];
  /** To end and remove everything. */
  readonly end: readonly string[];
}

/** Images of a suite: `<repository>/{head,worker,operator}:<suite>`. */
export interface DemoImages {
  readonly repository: string;
  readonly suite: string;
}

/** Where scripts/images puts them. */
export const localRepository = "localhost/slurm-power-agent";

/** Options by which kubectl and helm reach another namespace than the place's own. */
export function inNamespace(place: Pick<Place, "namespace">, namespace: string): string[] {
  return namespace === place.namespace ? [] : [`--namespace=${namespace}`];
}
