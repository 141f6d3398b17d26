/** Brings a cluster's children, all but its workers, to what they are to be. */
import { createHash } from "node:crypto";
import { KubernetesError } from "../../kubernetes/errors.ts";
import type { Children, Unwanted } from "../build/children.ts";
import type { Manifest } from "../build/manifest.ts";
import type { Writes } from "./writes.ts";

/** What is known of a cluster's children after they were last looked at. */
export interface ChildrenState {
  /** Of what they were to be. */
  readonly hash: string;
  /** When, in milliseconds. */
  readonly at: number;
  /** What the API refused, or belongs to somebody else. */
  readonly refusals: readonly string[];
}

/** Time after which they are looked at again though nothing has changed: somebody may have deleted or changed one. Milliseconds. */
const AGAIN = 300_000;

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
  return Math.max(0, state.at + (soon ? SOON : AGAIN) - now);
}

/** Looks at each child, and makes, changes or deletes it. One that fails does not keep the others from their turn. */
export async function ensureChildren(
  { wanted, unwanted }: Children,
  owner: { readonly namespace: string; readonly uid: string },
  writes: Writes,
): Promise<readonly string[]> {
  const refusals: string[] = [];
  const attempt = async (what: string, work: () => Promise<string | undefined>): Promise<void> => {
    try {
      const refusal = await work();
      if (refusal !== undefined) refusals.push(refusal);
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      refusals.push(`${what}: ${error.message}`);
    }
  };
  for (const manifest of wanted) {
    const what = `${manifest.kind} ${manifest.metadata.name}`;
    await attempt(what, () => ensure(manifest, what, owner.uid, writes));
  }
  for (const each of unwanted) {
    await attempt(`${each.kind} ${each.name}`, () => withdraw(each, owner, writes));
  }
  return refusals;
}

async function ensure(manifest: Manifest, what: string, uid: string, writes: Writes): Promise<string | undefined> {
  const { kind, metadata } = manifest;
  const existing = await writes.find(kind, metadata.namespace, metadata.name);
  if (existing !== undefined && existing.owner !== uid) {
    return sitesOwn.has(kind) ? undefined : `${what} exists and does not belong to this SlurmCluster; it is left alone`;
  }
  await writes.apply(manifest);
  return undefined;
}

async function withdraw(
  { kind, name }: Unwanted,
  { namespace, uid }: { readonly namespace: string; readonly uid: string },
  writes: Writes,
): Promise<undefined> {
  const existing = await writes.find(kind, namespace, name);
  if (existing?.owner === uid) await writes.remove(kind, namespace, name, existing.uid);
}
