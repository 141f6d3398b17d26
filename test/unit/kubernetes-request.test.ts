/** Credentials that Node refuses before it connects: nothing here ever gets to a server. */
import { expect, test } from "vitest";
import type { Connection, Credentials } from "../../src/kubernetes/connection.ts";
import { retryPolicy } from "../../src/kubernetes/errors.ts";
import { createApi } from "../../src/kubernetes/request.ts";
import { serverClockAhead } from "../../src/kubernetes/server-time.ts";
import { createStreams } from "../../src/kubernetes/stream.ts";

const options = { userAgent: "test", now: Date.now };
const call = { path: "/version", signal: AbortSignal.timeout(10_000) } as const;

/** Each way there is to call the API. */
const ways = {
  "a call": (connection: Connection) => createApi(connection, options)({ ...call, method: "GET" }),
  "a watch": (connection: Connection) => createStreams(connection, options)(call),
  "a look at its clock": (connection: Connection) => serverClockAhead(connection, { ...options, signal: call.signal }),
};

function connectionWith(credentials: Credentials): Connection {
  const address = { host: "127.0.0.1", port: 1, origin: "https://127.0.0.1:1", basePath: "" };
  return { ...address, credentials: async () => credentials };
}

const half = "-----BEGIN CERTIFICATE-----\nMIIBhTCCASugAwIBAgIQIRi6zePL6mKjOipn+dNuaTAKBggq\n";

test.each(
  Object.entries(ways).flatMap(([way, attempt]) => [
    { way, attempt, what: "a certificate that is half written", credentials: { cert: half, key: half } },
    {
      way,
      attempt,
      what: "a token that no header can hold",
      credentials: { headers: { Authorization: "Bearer a\nb" } },
    },
  ]),
)("$way with $what: doubted like any other lack of credentials, and none of it is told", async (given) => {
  const error = await given.attempt(connectionWith(given.credentials)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    name: "KubernetesError",
    kind: "Credentials",
    message: expect.stringMatching(
      /^GET https:\/\/127\.0\.0\.1:1\/version: certificate, key or token cannot be used: /,
    ),
    cause: expect.any(Error),
  });
  expect(String(error)).not.toMatch(/MIIB|Bearer/);
  expect(retryPolicy("Credentials")).toBe("doubt");
});

test("a path that no request can have is a defect of ours, and not of the credentials", async () => {
  const api = createApi(connectionWith({}), options);
  await expect(api({ ...call, method: "GET", path: "/a b" })).rejects.toMatchObject({
    code: "ERR_UNESCAPED_CHARACTERS",
  });
});
