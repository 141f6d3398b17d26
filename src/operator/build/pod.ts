/** What all Pods of a cluster have in common, put into the template that the resource carries. */
import { initScripts } from "../init/scripts.ts";
import { escapeForCommand, type InitPaths, substitute } from "../init/substitute.ts";
import { labels, type NodeType } from "../names.ts";
import type { Container, Owner, PodSpec, PodTemplate } from "./manifest.ts";

/** A cluster as far as its Pods depend on it. */
export interface PodOwner extends Owner, InitPaths {}

/** Facts about Kubernetes itself that builders need. */
export interface BuildContext {
  /** The DNS domain of the Kubernetes cluster, mostly `cluster.local`. */
  readonly clusterDomain: string;
}

/** What becomes of a template. */
export interface BuiltTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: PodSpec;
}

/** What is different from one kind of Pod to the next. */
export interface PodParts {
  readonly type: NodeType;
  readonly template: PodTemplate;
  /** Name of the first container where the template gives none. */
  readonly containerName: string;
  /** The resource's own script. */
  readonly initBash: string | undefined;
  /** Whether a command that the template gives is left as it is, with no script around it. */
  readonly keepCommand?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Fields of the Pod that the template may set otherwise. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Fields of the Pod that it may not. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  readonly env?: readonly object[];
}

/** Where the downward API's files are. */
const POD_INFO = { name: "slurmd-podinfo", mountPath: "/etc/slurmd-podinfo" };

/** Ends a script of the resource: goes on as the template's command, or with what the script left running. */
const AFTER_OWN_SCRIPT = '\nif (($#)); then exec "$@"; fi\nwait\n';

/** Builds a Pod's metadata and specification. */
export function buildPod(owner: PodOwner, parts: PodParts, { clusterDomain }: BuildContext): BuiltTemplate {
  const { defaults = {}, env = [], fixed = {}, template, type } = parts;
  const { metadata } = template;
  const spec = withTextQuantities(template.spec);
  const annotations = { ...metadata?.annotations, ...parts.annotations };
  const [first = {}, ...others] = spec.containers;
  const container: Container = {
    ...first,
    name: first.name ?? parts.containerName,
    ...commandOf(owner, parts, first),
    ...(env.length > 0 && { env: [...(first.env ?? []), ...env] }),
    volumeMounts: [...(first.volumeMounts ?? []).filter(({ mountPath }) => mountPath !== POD_INFO.mountPath), POD_INFO],
  };
  return {
    metadata: {
      labels: { ...metadata?.labels, [labels.cluster]: owner.name, [labels.nodeType]: type, ...parts.labels },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: {
      // The variables of Services would be taken for Slurm's own where a Service is called slurm.
      enableServiceLinks: false,
      ...defaults,
      ...spec,
      ...fixed,
      restartPolicy: "Always",
      containers: [container, ...others],
      volumes: [
        ...(spec.volumes ?? []).filter(({ name }) => name !== POD_INFO.name),
        podInfoVolume(type, container.name ?? parts.containerName),
      ],
      // Makes the bare names of nodes resolve, as Slurm uses them.
      dnsConfig: {
        ...spec.dnsConfig,
        searches: [...(spec.dnsConfig?.searches ?? []), `${owner.name}.${owner.namespace}.svc.${clusterDomain}`],
      },
    },
  };
}

/** `cpu: 4` as "4": kube-apiserver 1.20 answers 500 to a server-side apply with numbers for quantities. */
function withTextQuantities(spec: PodSpec): PodSpec {
  return JSON.parse(JSON.stringify(spec), (key, value: unknown) => {
    if (key === "sizeLimit") return String(value);
    if ((key !== "limits" && key !== "requests") || typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, quantity]) => [name, String(quantity)]));
  }) as PodSpec;
}

function commandOf(owner: PodOwner, parts: PodParts, { args = [], command = [] }: Container): Partial<Container> {
  const given = [...command, ...args];
  if (parts.keepCommand && given.length > 0) return {};
  const script =
    parts.initBash === undefined ? initScripts[parts.type] : `${parts.initBash.trimEnd()}${AFTER_OWN_SCRIPT}`;
  return {
    command: ["bash", "-c", escapeForCommand(substitute(script, owner)), `${parts.type}-init`, ...given],
    args: [],
  };
}

/** The files that the container contract names. Without limits the last two would be the machine's. */
function podInfoVolume(type: NodeType, containerName: string) {
  const ofPod = [
    { path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } },
    { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
  ];
  const ofContainer = [
    { path: "cpu_limit", resourceFieldRef: { containerName, resource: "limits.cpu", divisor: "1" } },
    { path: "memory_limit", resourceFieldRef: { containerName, resource: "limits.memory", divisor: "1Mi" } },
  ];
  return { name: POD_INFO.name, downwardAPI: { items: type === "worker" ? [...ofPod, ...ofContainer] : ofPod } };
}
