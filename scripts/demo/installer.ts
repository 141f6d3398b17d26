import type { Shown } from "./screen.ts";

/** Puts operator and cluster into Kubernetes; each call resolves to the commands that did it. */
export interface Installer {
  operator(): Promise<readonly Shown[]>;
  cluster(name: string): Promise<readonly Shown[]>;
}
