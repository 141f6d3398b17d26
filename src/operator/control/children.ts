/** Brings a cluster's children, all but its workers, to what they are to be. */
import { createHash } from "node:crypto";
import { KubernetesError } from "../../kubernetes/errors.ts";
import type { Children, Unwanted } from "../build/children.ts";
import type { WriteResult, Writes } from "./writes.ts";

/** What came of a look at a cluster's children. */
export interface ChildrenResult {
  /** What the API refused, or belongs to somebody else. */
  readonly refusals: readonly string[];
  /** The versions in which they were left, by kind and name. */
  readonly versions: ReadonlyMap<string, string>;
  /** Milliseconds until what came too late to be deleted may be tried again. */
  readonly again: number;
}

/** What is known of a cluster's children after they were last looked at. */
export interface ChildrenState extends ChildrenResult {
  /** Of what they were to be. */
  readonly hash: string;
  /** When, in milliseconds. */
  readonly at: number;
}

/**
 * Time after which they are looked at again though nothing has changed, in milliseconds: somebody may have deleted or changed one, and
 * without its headless Service a cluster does not work. It costs one read for each, and a write only where something was changed.
 */
const AGAIN = 30_000;

/** The same after a refusal, or while the head's Pod is missing. */
const SOON = 15_000;

/** Kinds that a site makes itself where it follows the documented set-up; theirs are left as they are. */
const sitesOwn: ReadonlySet<string> = new Set(["ServiceAccount", "Role", "RoleBinding"]);

/** Hash of what children are to be. */
export function childrenHash(children: Children): string {
  return createHash("sha256").update(JSON.stringify(children)).digest("hex");
}

/** Milliseconds until the children must be looked at; 0 for now. `headMissing`: the head's Pod is not there. */
export function untilChildren(
  state: ChildrenState | undefined,
  hash: string,
  headMissing: boolean,
  now: number,
): number {
  if (state?.hash !== hash) return 0;
  const soon = headMissing || state.refusals.length > 0;
  return Math.max(0, state.at + Math.min(state.again, soon ? SOON : AGAIN) - now);
}

/** Whose children, and since when it is known what they are to be. */
interface ChildrenOwner {
  readonly namespace: string;
  readonly uid: string;
  readonly confirmedAt: number;
}

/**
 * Looks at each child, and makes, changes or deletes it. One that fails does not keep the others from their turn.
 *
 * @param versions in which they were left before, when they were to be the same; one that still has its version is not written
 */
export async function ensureChildren(
  { wanted, unwanted }: Children,
  owner: ChildrenOwner,
  versions: ReadonlyMap<string, string>,
  writes: Writes,
): Promise<ChildrenResult> {
  const refusals: string[] = [];
  const left = new Map<string, string>();
  let again = Number.POSITIVE_INFINITY;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      refusals.push(`${what}: ${error.message}`);
    }
  };
  // Deletions first: they are the ones that can come too late.
  for (const each of unwanted) {
    await attempt(`${each.kind} ${each.name}`, async () => {
      const result = await withdraw(each, owner, writes);
      if (typeof result === "object") again = Math.min(again, result.again);
    });
  }
  for (const manifest of wanted) {
    const { kind, metadata } = manifest;
    const what = `${kind} ${metadata.name}`;
    await attempt(what, async () => {
      const existing = await writes.find(kind, metadata.namespace, metadata.name);
      if (existing === undefined || existing.owner === owner.uid) {
        const isSame = existing !== undefined && existing.version === versions.get(what);
        left.set(what, isSame ? existing.version : await writes.apply(manifest));
      } else if (!sitesOwn.has(kind)) {
        refusals.push(`${what} exists and does not belong to this SlurmCluster; it is left alone`);
      }
    });
  }
  return { refusals, versions: left, again };
}

async function withdraw(
  { kind, name }: Unwanted,
  { confirmedAt, namespace, uid }: ChildrenOwner,
  writes: Writes,
): Promise<WriteResult> {
  const existing = await writes.find(kind, namespace, name);
  return existing?.owner === uid ? await writes.remove(kind, namespace, name, existing.uid, confirmedAt) : "needless";
}
