import { readFile } from "node:fs/promises";
import type { ControlPlane } from "../../scripts/cluster/control-plane.ts";
import type { Connection } from "../../src/kubernetes/connection.ts";

/** A connection with a bearer token. `port` is where the API is, a proxy's perhaps. */
export async function tokenConnection(
  controlPlane: Pick<ControlPlane, "caFile" | "port">,
  token: string,
  port = controlPlane.port,
): Promise<Connection> {
  const ca = await readFile(controlPlane.caFile, "utf8");
  return {
    origin: `https://127.0.0.1:${port}`,
    host: "127.0.0.1",
    port,
    basePath: "",
    credentials: async () => ({ ca, headers: { Authorization: `Bearer ${token}` } }),
  };
}
