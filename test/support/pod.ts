/** A {@link startPod Pod} for as long as the running test. */
import { onTestFinished } from "vitest";
import { type Pod, startPod } from "./pod-namespace.ts";

/** Makes a Pod with the given files. */
export async function createPod(files: Readonly<Record<string, string>>): Promise<Pod> {
  const pod = await startPod(files);
  onTestFinished(pod.stop);
  return pod;
}
