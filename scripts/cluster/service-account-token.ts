import { createPrivateKey, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ApiClient } from "./api-client.ts";

/** kube-apiserver refuses to issue tokens for a shorter time (pkg/apis/authentication/validation). */
const shortestIssued = 600;

/** What a token is to be like. */
export interface ServiceAccountTokenOptions {
  /**
   * Seconds from now until the token expires. Below 600 the server issues none, so the token is made here, from one of
   * 600 seconds, with the server's own key. The server tolerates clocks that differ by a minute: a token that must be
   * refused at once needs less than -60.
   *
   * @default 3600
   */
  readonly expirationSeconds?: number;
}

/**
 * Gets a bearer token of a ServiceAccount, which is created if need be; a cluster's kubelet gets the tokens that it
 * puts into Pods in the same way (TokenRequest).
 *
 * @param request a client that may create ServiceAccounts and their tokens
 * @param keyFile the key that kube-apiserver signs tokens with, PEM, ECDSA P-256
 */
export async function makeServiceAccountToken(
  request: ApiClient["request"],
  keyFile: string,
  account: { readonly namespace: string; readonly name: string },
  { expirationSeconds = 3600 }: ServiceAccountTokenOptions = {},
): Promise<string> {
  const accounts = `/api/v1/namespaces/${account.namespace}/serviceaccounts`;
  const created = await request("POST", accounts, { body: { metadata: { name: account.name } } });
  if (created.status !== 201 && created.status !== 409) {
    throw new Error(`cannot create ServiceAccount ${account.name}: ${JSON.stringify(created)}`);
  }
  const issued = await request("POST", `${accounts}/${account.name}/token`, {
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: Math.max(expirationSeconds, shortestIssued) },
    },
  });
  // The answer itself stays out of the error: a successful one holds the token.
  if (issued.status !== 201) throw new Error(`no token for ServiceAccount ${account.name}: HTTP ${issued.status}`);
  const { token } = (issued.body as { status: { token: string } }).status;
  return expirationSeconds < shortestIssued ? expireAt(token, expirationSeconds, await readFile(keyFile)) : token;
}

/** Signs a JSON Web Token (RFC 7519, algorithm ES256) again with another expiry. */
function expireAt(token: string, expirationSeconds: number, key: Buffer): string {
  const [header, payload] = token.split(".") as [string, string];
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as { iat: number };
  const changed = {
    ...claims,
    // Always issued before it expires.
    iat: claims.iat + expirationSeconds - shortestIssued,
    nbf: claims.iat + expirationSeconds - shortestIssued,
    exp: claims.iat + expirationSeconds,
  };
  const content = `${header}.${Buffer.from(JSON.stringify(changed)).toString("base64url")}`;
  const signature = sign("sha256", Buffer.from(content), { key: createPrivateKey(key), dsaEncoding: "ieee-p1363" });
  return `${content}.${signature.toString("base64url")}`;
}
