import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findConnection } from "../../src/kubernetes/connection.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function pod(files: Record<string, string>) {
  const folder = temporaryFolder();
  for (const name of ["account", "address", "info"]) mkdirSync(join(folder, name));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return {
    folder,
    podFiles: {
      serviceAccount: join(folder, "account"),
      serviceAddress: join(folder, "address"),
      podInfo: join(folder, "info"),
    },
  };
}
const account = { "account/token": "t0ken\n", "account/ca.crt": "CA" };

describe("inside a Pod", () => {
  test.each([
    [
      "environment",
      { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "6443" },
      {},
      "https://10.0.0.1:6443",
    ],
    [
      "files, as slurmctld passes no environment",
      {},
      { "address/k8s_svc_host": "10.96.0.1\n", "address/k8s_svc_port": "443\n" },
      "https://10.96.0.1:443",
    ],
    ["neither", {}, {}, "https://kubernetes.default.svc:443"],
    ["an IPv6 address", { KUBERNETES_SERVICE_HOST: "fd00::1" }, {}, "https://[fd00::1]:443"],
  ])("the address comes from %s", async (_from, env, files, origin) => {
    const { podFiles } = pod({ ...account, ...files });
    expect((await findConnection({ kubeconfig: undefined, env, podFiles })).origin).toBe(origin);
  });

  test("token and CA are read afresh at each call", async () => {
    const { folder, podFiles } = pod(account);
    const { credentials } = await findConnection({ kubeconfig: undefined, env: {}, podFiles });
    expect(await credentials()).toEqual({ ca: "CA", headers: { Authorization: "Bearer t0ken" } });
    writeFileSync(join(folder, "account/token"), "rotated");
    expect(await credentials()).toMatchObject({ headers: { Authorization: "Bearer rotated" } });
    writeFileSync(join(folder, "account/token"), "");
    await expect(credentials()).rejects.toThrow(/token .* is missing or empty/);
    writeFileSync(join(folder, "account/token"), "two\nlines-of-secret");
    await expect(credentials()).rejects.toThrow(/token holds more than a token$/);
  });

  test("without a service account the error says what was looked at", async () => {
    const { podFiles } = pod({});
    await expect(findConnection({ kubeconfig: undefined, env: {}, podFiles })).rejects.toThrow(
      /no --kubeconfig, no KUBECONFIG.*no service account in/,
    );
  });

  test.each(["0", "65536", "https", "1e3"])("port %j is refused", async (port) => {
    const { podFiles } = pod(account);
    const env = { KUBERNETES_SERVICE_HOST: "h", KUBERNETES_SERVICE_PORT: port };
    await expect(findConnection({ kubeconfig: undefined, env, podFiles })).rejects.toThrow(SettingsError);
  });
});

describe("with a kubeconfig", () => {
  const kubeconfig = (cluster: object, user: object) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    });
  const connect = (text: string, extra: Record<string, string> = {}) => {
    const { folder, podFiles } = pod({ "account/config": text, ...extra });
    return findConnection({ kubeconfig: join(folder, "account/config"), env: {}, podFiles });
  };

  test("gives address, CA and token", async () => {
    const text = kubeconfig(
      { server: "https://api.example:6443", "certificate-authority-data": btoa("CA") },
      { token: "t" },
    );
    const connection = await connect(text);
    expect(connection).toMatchObject({
      host: "api.example",
      port: 6443,
      origin: "https://api.example:6443",
      basePath: "",
    });
    const { ca, headers } = await connection.credentials();
    expect(String(ca)).toBe("CA");
    expect(headers).toEqual({ Authorization: "Bearer t" });
  });

  test("a server behind a gateway keeps its path, and IPv6 its brackets off", async () => {
    expect(await connect(kubeconfig({ server: "https://gw/k8s/clusters/c-1/" }, {}))).toMatchObject({
      basePath: "/k8s/clusters/c-1",
      port: 443,
    });
    expect(await connect(kubeconfig({ server: "https://[::1]:6443" }, {}))).toMatchObject({
      host: "::1",
      origin: "https://[::1]:6443",
    });
  });

  test("tokenFile, relative to the kubeconfig, is read at each call", async () => {
    const { credentials } = await connect(kubeconfig({ server: "https://a" }, { tokenFile: "t" }), {
      "account/t": "from-file\n",
    });
    expect((await credentials()).headers).toEqual({ Authorization: "Bearer from-file" });
  });

  test("a token file that is missing is an error and no anonymous request", async () => {
    const { credentials } = await connect(kubeconfig({ server: "https://a" }, { tokenFile: "none" }));
    await expect(credentials()).rejects.toThrow(/none is missing or empty/);
  });

  test.each([
    ["that is missing", { command: "/no/such/login" }, /ENOENT/],
    ["that fails", { command: "/bin/sh", args: ["-c", "echo no session >&2; exit 1"] }, /no session/],
    [
      "that prints no JSON",
      { command: "/bin/echo", args: ['{"status":{"token":"SECRET-TOKEN"} oops'] },
      /did not print JSON/,
    ],
  ])("a login program %s is an error of the credentials, without what it printed", async (_which, exec, message) => {
    const { credentials } = await connect(kubeconfig({ server: "https://a" }, { exec: { apiVersion: "v1", ...exec } }));
    const error = await credentials().then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toBeInstanceOf(SettingsError);
    expect(error?.message).toMatch(message);
    expect(error?.message).not.toContain("SECRET");
  });

  test("a list of kubeconfigs may name files that are not there", async () => {
    const { folder, podFiles } = pod({ "account/config": kubeconfig({ server: "https://a" }, {}) });
    const paths = `/none:${join(folder, "account/config")}:`;
    expect((await findConnection({ kubeconfig: paths, env: {}, podFiles })).origin).toBe("https://a");
  });

  test("an exec plugin is asked", async () => {
    const answer = JSON.stringify({
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: "from-exec" },
    });
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "/bin/echo",
      args: [answer],
      interactiveMode: "Never",
    };
    const { credentials } = await connect(kubeconfig({ server: "https://a" }, { exec }));
    expect((await credentials()).headers).toEqual({ Authorization: "Bearer from-exec" });
  });

  test.each([
    [kubeconfig({ server: "http://a" }, {}), /server is "http:\/\/a"; it must begin with https/],
    [kubeconfig({ server: "https://a", "insecure-skip-tls-verify": true }, {}), /insecure-skip-tls-verify is set/],
    [
      kubeconfig({ server: "https://a" }, { "auth-provider": { name: "oidc", config: {} } }),
      /auth-provider is not supported/,
    ],
    [kubeconfig({ server: "https://a", "proxy-url": "http://p" }, {}), /proxy-url is not supported/],
    [
      kubeconfig({ server: "https://a" }, {}).replace('"current-context":"x"', '"current-context":"y"'),
      /current context \(y\) names no known/,
    ],
    ["{", /cannot be used/],
    ["", /cannot be used/],
  ])("%s is refused", async (text, message) => {
    await expect(connect(text)).rejects.toThrow(message);
    await expect(connect(text)).rejects.toThrow(SettingsError);
  });

  describe("that is rewritten", () => {
    const withToken = (token: string, server = "https://a") => kubeconfig({ server }, { token });
    /** A connection by a kubeconfig with token "old"; `credentials` gives what it sends, `problems` what it has said of changes. */
    const follow = async () => {
      const { folder, podFiles } = pod({ "account/config": withToken("old") });
      const path = join(folder, "account/config");
      const problems: string[] = [];
      const onProblem = (message: string) => void problems.push(message);
      const connection = await findConnection({ kubeconfig: path, env: {}, podFiles, onProblem });
      const token = async () => (await connection.credentials()).headers;
      expect(await token()).toEqual({ Authorization: "Bearer old" });
      return { path, problems, token };
    };

    test.each<[string, (path: string, text: string) => void]>([
      ["in place", (path, text) => writeFileSync(path, text)],
      [
        "by another file",
        (path, text) => {
          writeFileSync(`${path}.new`, text);
          renameSync(`${path}.new`, path);
        },
      ],
    ])("%s counts from the next call on", async (_how, replace) => {
      const { path, problems, token } = await follow();
      // As long as the old one.
      replace(path, withToken("new"));
      expect(await token()).toEqual({ Authorization: "Bearer new" });
      expect(problems).toEqual([]);
    });

    test.each<[string, string | undefined, RegExp]>([
      [
        "half written",
        withToken("SECRET").replace(/(?<=SECRET).*/s, ""),
        /config cannot be used: .*; what it said before still counts$/,
      ],
      ["empty", "", /config cannot be used: .*; what it said before still counts$/],
      ["gone", undefined, /config does not exist .*; what it said before still counts$/],
      ["unsafe", kubeconfig({ server: "https://a", "insecure-skip-tls-verify": true }, {}), /insecure-skip-tls-verify/],
      [
        "for another server",
        withToken("new", "https://b"),
        /leads to https:\/\/b\/ by now, which counts after a restart$/,
      ],
    ])("and is %s for a moment: the old one goes on, which is said once", async (_how, text, said) => {
      const { path, problems, token } = await follow();
      if (text === undefined) rmSync(path);
      else writeFileSync(path, text);
      for (let time = 0; time < 3; time += 1) expect(await token()).toEqual({ Authorization: "Bearer old" });
      expect(problems).toEqual([expect.stringMatching(said)]);
      expect(problems.join()).not.toContain("SECRET");
      writeFileSync(path, withToken("newest"));
      expect(await token()).toEqual({ Authorization: "Bearer newest" });
      expect(problems).toHaveLength(1);
    });
  });

  test("a file that is missing is named", async () => {
    const { podFiles } = pod(account);
    await expect(findConnection({ kubeconfig: "/none/config", env: {}, podFiles })).rejects.toThrow(
      "kubeconfig /none/config does not exist",
    );
  });
});
