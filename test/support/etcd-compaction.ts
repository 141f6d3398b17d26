/** Makes etcd forget the past, as it does in every cluster every five minutes. */
import { request } from "node:http";
import { join } from "node:path";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";

/** Compacts the etcd of a control plane up to now, by its JSON gateway: versions from before can no longer be read. */
export async function compactEtcd(controlPlane: Pick<ControlPlane, "folder">): Promise<void> {
  const { header } = (await call(controlPlane, "/v3/kv/range", { key: "AA==" })) as { header: { revision: string } };
  await call(controlPlane, "/v3/kv/compaction", { revision: header.revision, physical: true });
}

function call({ folder }: Pick<ControlPlane, "folder">, path: string, body: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: join(folder, "localhost:1"), method: "POST", path }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (incoming.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`etcd answered ${path} with ${incoming.statusCode}: ${text}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify(body));
  });
}
