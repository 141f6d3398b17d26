import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Paths of a control plane's keys and certificates, all PEM; the keys have mode 0600. */
export interface Certificates {
  readonly caFile: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  readonly adminCertificate: string;
  readonly adminKey: string;
  /** Private key that signs ServiceAccount tokens. */
  readonly serviceAccountKey: string;
}

/** A client's certificate and key, paths of PEM files. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

// A configuration of our own, so that nothing of the machine's openssl.cnf gets into the certificates.
const opensslConfiguration = (addresses: readonly string[]): string => `[req]
distinguished_name = subject
[subject]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, digitalSignature
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, ${addresses.map((address) => `IP:${address}`).join(", ")}
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;

/**
 * Makes a certificate authority, kube-apiserver's certificate (valid for localhost, kubernetes.default.svc and
 * the given addresses), an administrator's client certificate and the key for ServiceAccount tokens, with `openssl`.
 * All are ECDSA P-256, which takes milliseconds where RSA takes seconds, and are valid for 30 days.
 *
 * @param folder an existing folder that only its owner may enter
 * @param addresses where kube-apiserver is reached, IPv4 addresses
 */
export async function makeCertificates(folder: string, addresses: readonly string[]): Promise<Certificates> {
  const path = (name: string): string => join(folder, name);
  await writeFile(path("openssl.cnf"), opensslConfiguration(addresses));
  await issue(folder, "ca", "/CN=control-plane-ca", "ca", []);
  await Promise.all([
    issue(folder, "kube-apiserver", "/CN=kube-apiserver", "server", signedByCa(folder)),
    // Members of system:masters may do everything (Kubernetes' built-in ClusterRoleBinding cluster-admin).
    issueClientCertificate(folder, "admin", "/O=system:masters/CN=admin"),
    // Not `genpkey`: kube-apiserver reads the public key only out of the older PEM form, "EC PRIVATE KEY".
    openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path("service-account.key")]),
  ]);
  return {
    caFile: path("ca.crt"),
    serverCertificate: path("kube-apiserver.crt"),
    serverKey: path("kube-apiserver.key"),
    adminCertificate: path("admin.crt"),
    adminKey: path("admin.key"),
    serviceAccountKey: path("service-account.key"),
  };
}

/**
 * Makes a certificate for a client of kube-apiserver, with the authority of {@link makeCertificates}.
 *
 * @param folder the one that the authority was made in; gets NAME.crt and NAME.key
 * @param subject whom it stands for, in openssl's form: O is a group, CN the user, e.g. `/O=system:nodes/CN=system:node:a`
 */
export async function issueClientCertificate(
  folder: string,
  name: string,
  subject: string,
): Promise<ClientCertificate> {
  await issue(folder, name, subject, "client", signedByCa(folder));
  return { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}

function signedByCa(folder: string): string[] {
  return ["-CA", join(folder, "ca.crt"), "-CAkey", join(folder, "ca.key")];
}

async function issue(
  folder: string,
  name: string,
  subject: string,
  extensions: "ca" | "server" | "client",
  signer: readonly string[],
): Promise<void> {
  const path = (file: string): string => join(folder, file);
  await openssl([
    ...["req", "-x509", "-config", path("openssl.cnf"), "-extensions", extensions, "-days", "30", "-subj", subject],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", ...signer],
    ...["-keyout", path(`${name}.key`), "-out", path(`${name}.crt`)],
  ]);
}

async function openssl(args: readonly string[]): Promise<void> {
  try {
    await run("openssl", args);
  } catch (error) {
    throw new Error(`openssl ${args[0]} failed; it comes with \`bash scripts/setup.sh kubernetes\``, { cause: error });
  }
}
