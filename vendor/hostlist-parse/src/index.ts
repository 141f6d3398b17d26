export type { ExpandHostlistOptions } from "./expand-hostlist.ts";
export { expandHostlist } from "./expand-hostlist.ts";
export type { FoldHostlistOptions } from "./fold-hostlist.ts";
export { foldHostlist } from "./fold-hostlist.ts";
export { HostlistError } from "./hostlist-error.ts";
