/** Lists, read page by page so that memory holds one page of whole objects and not all. */
import { KubernetesError } from "./errors.ts";
import type { Api } from "./request.ts";

/** Which objects: the path of their collection, and a selector where not all of them are meant. */
export interface Collection {
  /** e.g. `/api/v1/namespaces/default/pods` */
  readonly path: string;
  /** With a Role that has resourceNames, list and watch are allowed only with the field selector `metadata.name=…`. */
  readonly selector: { readonly labelSelector?: string; readonly fieldSelector?: string };
}

/** Objects in a page; a Pod has about 10 kB. */
const PAGE = 100;

/**
 * Lists a collection. `onItems` gets each page, whose objects are as they came. All pages show one moment, and without a resourceVersion
 * in the request it is the newest (Kubernetes API concepts, "Semantics for get and list").
 *
 * Throws {@link KubernetesError}; of kind "Gone" when the list took so long that the server no longer has the rest of it.
 *
 * @returns the resourceVersion of that moment, for a watch to go on from
 */
export async function listObjects(
  api: Api,
  collection: Collection,
  signal: AbortSignal,
  onItems: (items: readonly unknown[]) => void,
): Promise<string> {
  const { path, selector } = collection;
  let rest: Record<string, string> = {};
  for (;;) {
    const query = new URLSearchParams({ ...selector, limit: String(PAGE), ...rest });
    const page = (await api({ method: "GET", path: `${path}?${query}`, signal })) as {
      items?: unknown;
      metadata?: { resourceVersion?: unknown; continue?: unknown };
    } | null;
    const version = page?.metadata?.resourceVersion;
    if (!Array.isArray(page?.items) || typeof version !== "string" || version === "") {
      throw new KubernetesError("Malformed", `the API answered GET ${path} with something that is not a list`);
    }
    onItems(page.items);
    if (typeof page.metadata?.continue !== "string" || page.metadata.continue === "") return version;
    rest = { continue: page.metadata.continue };
  }
}
