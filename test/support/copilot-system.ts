/** A control plane, a Slurm and a copilot beside it, for a file of tests that share them. */
import { chmod } from "node:fs/promises";
import { inject } from "vitest";
import { type ControlPlane, startControlPlane } from "../../scripts/cluster/control-plane.ts";
import { applyCopilotRole } from "./agent-role.ts";
import { type CopilotProcess, installationThatLoses, startCopilot } from "./copilot-process.ts";
import type { SlurmNode } from "./slurm-record.ts";
import { call } from "./stand-in-api.ts";
import { startWholeSystem, type WholeSystem, type WholeSystemOptions } from "./whole-system.ts";

/** All of it. */
export interface CopilotSystem extends WholeSystem {
  readonly controlPlane: ControlPlane;
  /** What the copilots have logged that names this node, or, without a name, everything. */
  said(node?: string): Promise<string[]>;
  /** Merges a status into a Pod's, as a kubelet or scheduler would. */
  writePodStatus(name: string, status: object): Promise<void>;
  /** Evicts a Pod as a kubelet does: it has failed, and the object stays. */
  evict(name: string): Promise<void>;
  /** Keeps a Pod that is deleted from going, or lets it go. */
  holdTermination(name: string, hold: boolean): Promise<void>;
  /** Ends the copilot and starts it again. */
  restartCopilot(signal: NodeJS.Signals): Promise<void>;
}

/** What a test says about it. */
export interface CopilotSystemOptions extends Omit<WholeSystemOptions, "controlPlane" | "installation"> {
  /** Keys of the settings file. Called once the system is there, before the copilot is started. */
  readonly settings: (
    system: WholeSystem,
    controlPlane: ControlPlane,
  ) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  /** Programs that are called and do nothing. @default none */
  readonly lost?: readonly string[];
}

/** Starts it. `stop` ends all of it. */
export async function startCopilotSystem(options: CopilotSystemOptions): Promise<CopilotSystem> {
  const { clusterName, lost = [], settings } = options;
  const controlPlane = await startControlPlane();
  let system: WholeSystem | undefined;
  let copilot: CopilotProcess | undefined;
  const stop = async (): Promise<void> => {
    await copilot?.end("SIGKILL");
    await system?.stop();
    await controlPlane.stop();
  };
  try {
    await controlPlane.applyCrd();
    const installation = await installationThatLoses(inject("installation"), lost);
    await chmod(installation, 0o755);
    const whole = await startWholeSystem({ ...options, controlPlane, installation });
    system = whole;
    await applyCopilotRole(controlPlane, { namespace: "default", cluster: clusterName });
    await whole.writeSettings(await settings(whole, controlPlane));
    copilot = await startCopilot(inject("installation"), whole);
    const podPath = (name: string): string => `/api/v1/namespaces/default/pods/${name}`;
    const patchPod = (path: string, body: object): Promise<unknown> =>
      call(controlPlane.request, [200], "PATCH", path, { body, contentType: "application/merge-patch+json" });
    const writePodStatus = async (name: string, status: object): Promise<void> => {
      await patchPod(`${podPath(name)}/status`, { status });
    };
    return {
      ...whole,
      controlPlane,
      async said(node = "") {
        const lines = await whole.resumeLog();
        const runs = new Set(lines.flatMap(({ run, message }) => (/^copilot .* starts$/.test(message) ? [run] : [])));
        const naming = new RegExp(`${node}(?!\\d)`);
        return lines.filter(({ run, message }) => runs.has(run) && naming.test(message)).map(({ message }) => message);
      },
      writePodStatus,
      evict: (name) =>
        writePodStatus(name, {
          phase: "Failed",
          reason: "Evicted",
          message: "The node was low on resource: memory.",
          conditions: [{ type: "Ready", status: "False" }],
        }),
      holdTermination: async (name, hold) => {
        await patchPod(podPath(name), { metadata: { finalizers: hold ? ["example.org/hold"] : null } });
      },
      async restartCopilot(signal) {
        await copilot?.end(signal);
        copilot = await startCopilot(inject("installation"), whole);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whether Slurm counts on a node. */
export function isUp({ state }: SlurmNode): boolean {
  return ["POWERED_DOWN", "POWERING_DOWN", "POWERING_UP", "NOT_RESPONDING", "DOWN"].every((flag) => !state.has(flag));
}
