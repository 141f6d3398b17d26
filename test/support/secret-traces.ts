/** Looks for secrets where they must not be. */
import type { Cluster } from "../../scripts/cluster/cluster.ts";

/** A text that may hold a secret, and where it is from. */
export interface Place {
  readonly where: string;
  readonly text: string;
}

/** A secret in the forms it may be written in. */
export interface Secret {
  readonly name: string;
  readonly forms: readonly string[];
}

/** A secret that is a text, such as a password. */
export const textSecret = (name: string, text: string): Secret => ({
  name,
  forms: [text, Buffer.from(text).toString("base64").replace(/=+$/, ""), Buffer.from(text).toString("hex")],
});

/**
 * A secret of bytes. Pieces are enough, as it may be cut. Raw bytes are looked for as they look when read as UTF-8, without the ends, whose
 * look depends on what is beside them.
 */
export function binarySecret(name: string, bytes: Buffer): Secret {
  const piece = bytes.subarray(0, 48);
  return {
    name,
    forms: [
      piece.toString("base64"),
      piece.toString("base64url"),
      piece.toString("hex"),
      piece.toString("utf8").slice(6, -6),
    ],
  };
}

/** `secret in place` for each secret that is found; empty when all is well. */
export function findSecrets(places: readonly Place[], secrets: readonly Secret[]): string[] {
  return places.flatMap(({ where, text }) => {
    const lower = text.toLowerCase();
    return secrets
      .filter(({ forms }) => forms.some((form) => text.includes(form) || lower.includes(form.toLowerCase())))
      .map(({ name }) => `${name} in ${where}`);
  });
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly status: {
      readonly containerStatuses?: readonly {
        readonly name: string;
        readonly restartCount: number;
        readonly state: { readonly running?: object };
      }[];
    };
  }[];
}

/** Command lines and environments of all processes, and all files of /var/log. Its own command line holds nothing. */
const lookInside = `
for process in /proc/[0-9]*; do
  for file in cmdline environ; do
    printf '\\n== %s %s\\n' "$process" "$file"
    tr '\\0' '\\n' <"$process/$file" 2>/dev/null || true
  done
done
find /var/log -type f -exec sh -c 'printf "\\n== %s\\n" "$1"; cat "$1"' sh {} \\; 2>/dev/null || true
`;

/** All that can be read without the right to read Secrets: objects of the API, logs of all containers, and the containers themselves. */
export async function readPlaces({ kubectl }: Cluster): Promise<Place[]> {
  const places: Place[] = [];
  const add = async (where: string, ...args: readonly string[]): Promise<void> => {
    places.push({ where, text: await kubectl(args) });
  };
  const kinds = "events,configmaps,pods,services,statefulsets,deployments,slurmclusters,roles,serviceaccounts";
  for (const kind of kinds.split(",")) await add(kind, "get", kind, "--all-namespaces", "--output=yaml");
  const pods = JSON.parse(await kubectl(["get", "pods", "--all-namespaces", "--output=json"])) as PodList;
  for (const { metadata, status } of pods.items) {
    const pod = [`--namespace=${metadata.namespace}`, metadata.name];
    for (const { name, restartCount, state } of status.containerStatuses ?? []) {
      const where = `${metadata.name}/${name}`;
      await add(`log of ${where}`, "logs", ...pod, `--container=${name}`);
      if (restartCount > 0) await add(`earlier log of ${where}`, "logs", ...pod, `--container=${name}`, "--previous");
      if (state.running !== undefined) {
        await add(
          `processes and files of ${where}`,
          "exec",
          ...pod,
          `--container=${name}`,
          "--",
          "sh",
          "-c",
          lookInside,
        );
      }
    }
  }
  return places;
}
