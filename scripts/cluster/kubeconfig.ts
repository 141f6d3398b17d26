import { readFile, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { ClientCertificate } from "./certificates.ts";

/** Whom a kubeconfig leads where. */
interface KubeconfigOptions {
  readonly url: string;
  /** PEM certificate of the authority that signed the server's certificate. */
  readonly caFile: string;
  readonly client: ClientCertificate;
}

/** Writes a kubeconfig that only this user may read. Certificates and the key are inside, so that a copy works anywhere. */
export async function writeKubeconfig(path: string, { url, caFile, client }: KubeconfigOptions): Promise<void> {
  const inline = async (file: string): Promise<string> => (await readFile(file)).toString("base64");
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server: url, "certificate-authority-data": await inline(caFile) } }],
    users: [
      {
        name: "client",
        user: {
          "client-certificate-data": await inline(client.certificate),
          "client-key-data": await inline(client.key),
        },
      },
    ],
    contexts: [{ name: "local", context: { cluster: "local", user: "client" } }],
    "current-context": "local",
  });
  await writeFile(path, text, { mode: 0o600 });
}
