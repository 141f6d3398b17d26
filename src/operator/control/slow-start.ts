/**
 * Many like calls in batches of 1, 2, 4, 8 …: when all of them must fail (no quota, a template that the API refuses), one is tried and
 * not a thousand. As Kubernetes' own controllers do (pkg/controller/job, slowStartBatch).
 */

/**
 * Calls `work` for each item. After a batch in which one has failed no further one is begun.
 *
 * @param work tells whether it succeeded
 * @returns how many succeeded
 */
export async function slowStart<T>(items: readonly T[], work: (item: T) => Promise<boolean>): Promise<number> {
  let done = 0;
  let size = 1;
  for (let start = 0; start < items.length; ) {
    const batch = items.slice(start, start + size);
    start += size;
    size *= 2;
    const results = await Promise.all(batch.map(work));
    const succeeded = results.filter(Boolean).length;
    done += succeeded;
    if (succeeded < batch.length) break;
  }
  return done;
}
