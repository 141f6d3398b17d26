/** What kube-apiserver 1.20 would add to a Pod template, said by us. */
import type { BuiltTemplate } from "./pod.ts";

/**
 * States the defaults of those parts of a Pod template of which there is one of several kinds: volumes of the usual kinds, and the handlers
 * of probes and of a container's life (Kubernetes pkg/apis/core/v1/defaults.go).
 *
 * A server-side apply of 1.20 takes away what it said before and no longer says, and nothing else. A default that kube-apiserver had added
 * stays, and with it the old kind beside the new one: a ConfigMap that becomes a Secret would leave a volume that is both, which no Pod may
 * have. (Seen with 1.20.2 and not with 1.37.2. With 1.20.2 an empty `emptyDir`, or `valueFrom` of a variable, stays all the same.)
 */
export function withStatedDefaults({ metadata, spec }: BuiltTemplate): BuiltTemplate {
  const stated = JSON.parse(JSON.stringify(spec), (key, value: unknown) =>
    key === "httpGet" && isObject(value) ? { path: "/", scheme: "HTTP", ...value } : value,
  ) as typeof spec;
  const volumes = stated.volumes?.map(({ name, ...kinds }) => ({
    name,
    ...Object.fromEntries(
      Object.entries(kinds).map(([kind, value]: [string, unknown]) => [
        kind,
        isObject(value) ? { ...byVolume[kind], ...value } : value,
      ]),
    ),
  }));
  return { metadata, spec: { ...stated, ...(volumes !== undefined && { volumes }) } };
}

const byVolume: Readonly<Record<string, object>> = {
  configMap: { defaultMode: 0o644 },
  downwardAPI: { defaultMode: 0o644 },
  hostPath: { type: "" },
  projected: { defaultMode: 0o644 },
  secret: { defaultMode: 0o644 },
};

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
