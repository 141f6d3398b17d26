/** The fields of a worker group that an operator acts on. */
export interface WorkerGroup {
  readonly groupName: string;
  readonly replicas?: number;
  readonly podsToBeCreated?: readonly number[];
  readonly podsToBeDeleted?: readonly string[];
}

/** What to do with one group's worker Pods. */
export interface PodPlan {
  /** Names of the Pods that are to exist: desired = ready when all of these are. */
  readonly desired: readonly string[];
  readonly create: readonly string[];
  readonly remove: readonly string[];
}

/**
 * What an operator does for one worker group: with C = podsToBeCreated, X = podsToBeDeleted and R = replicas,
 *
 * - desired is C without X; when that is fewer than R, indexes not named in X are added: running ones first, then the lowest;
 * - created is what is desired and has no Pod of that name, not even one that is being deleted;
 * - removed is what X names and C does not ask for. Nothing else ever is: R is a floor, and missing does not mean "delete".
 *
 * @param stem `<cluster>-worker-<group>-`
 * @param pods the group's Pods: name → whether it is being deleted already
 */
export function planPods(group: WorkerGroup, stem: string, pods: ReadonlyMap<string, boolean>): PodPlan {
  const wanted = new Set((group.podsToBeCreated ?? []).map((index) => `${stem}${index}`));
  const unwanted = new Set(group.podsToBeDeleted ?? []);
  const desired = wanted.difference(unwanted);
  const running = [...pods].filter(([, deleting]) => !deleting).map(([name]) => name);
  const floor = group.replicas ?? 0;
  for (const name of running.sort()) {
    if (desired.size < floor && !unwanted.has(name)) desired.add(name);
  }
  for (let index = 0; desired.size < floor; index += 1) {
    if (!unwanted.has(`${stem}${index}`)) desired.add(`${stem}${index}`);
  }
  return {
    desired: [...desired],
    create: [...desired].filter((name) => !pods.has(name)),
    remove: running.filter((name) => unwanted.has(name) && !wanted.has(name)),
  };
}
