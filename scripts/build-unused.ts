/**
 * Leaves out of the executables what they never call. Of client-node KubeConfig alone is used, but it imports the whole generated client,
 * an HTTP stack and four authentication providers, 3.9 MB that every start would have to parse. pino is given a stream of ours, but it
 * loads those of its own with every start, and with them worker threads, which takes milliseconds.
 */
import type { Plugin } from "esbuild";

/**
 * Packages that are imported for what we do not use: by KubeConfig for its own HTTP client, proxies, OpenID Connect and cloud logins,
 * by pino for files and worker threads.
 */
const unusedPackages =
  /^(undici|socks|socks-proxy-agent|hpagent|openid-client|jsonpath-plus|sonic-boom|thread-stream|on-exit-leak-free)$/;

/** The same among a package's own modules, and Node's, by the package that imports them. */
const unusedModules: Readonly<Record<string, RegExp>> = {
  // The generated client, its middleware and the logins of the packages above.
  "@kubernetes/client-node": /^\.\/(gen\/index|middleware|azure_auth|gcp_auth|oidc_auth)\.js$/,
  // Logs that are written by a worker thread.
  pino: /^(\.\/(lib\/)?(transport|multistream)|worker_threads)$/,
};

/**
 * Each name stands for a class: an authentication provider that applies to no user, and transports that say why they are missing.
 * pino compares its streams with the class that is the module itself.
 */
const replacement = `
class Unused {
  constructor() { throw new Error("this needs a transport that is not built in, of a kubeconfig or of the log"); }
}
class NoProvider {
  isAuthProvider() { return false; }
}
module.exports = Object.assign(class extends Unused {}, {
  Agent: Unused, ProxyAgent: Unused, SocksClient: Unused, SocksProxyAgent: Unused, HttpProxyAgent: Unused, HttpsProxyAgent: Unused,
  ServerConfiguration: Unused, createConfiguration: Unused, setHeaderMiddleware: Unused,
  AzureAuth: NoProvider, GoogleCloudPlatformAuth: NoProvider, OpenIDConnectAuth: NoProvider,
});
`;

/** The esbuild plugin that does it. */
export const replaceUnused: Plugin = {
  name: "replace-unused",
  setup(build) {
    const replaced = { path: "unused", namespace: "unused" };
    build.onResolve({ filter: unusedPackages }, () => replaced);
    for (const [name, filter] of Object.entries(unusedModules)) {
      build.onResolve({ filter }, ({ importer }) =>
        importer.includes(`/node_modules/${name}/`) ? replaced : undefined,
      );
    }
    build.onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: replacement, loader: "js" }));
  },
};
