import { describe, expect, test } from "vitest";
import {
  errorFromResponse,
  errorFromSocket,
  type KubernetesErrorKind,
  retryPolicy,
} from "../../src/kubernetes/errors.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const respond = (status: number, body = "", retryAfter?: string) =>
  errorFromResponse("GET /x", { status, body, retryAfter }, now);

describe("errorFromResponse", () => {
  test.each<[number, KubernetesErrorKind]>([
    [302, "Unexpected"],
    [400, "Invalid"],
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [405, "Invalid"],
    [407, "Unexpected"],
    [408, "ServerError"],
    [409, "Conflict"],
    [410, "Gone"],
    [415, "Invalid"],
    [429, "Throttled"],
    [500, "ServerError"],
    [503, "ServerError"],
    [504, "ServerError"],
  ])("%i is %s", (status, kind) => expect(respond(status).kind).toBe(kind));

  test("a 422 with causes is a validation error, one without a failed test", () => {
    const status = (details: object) =>
      JSON.stringify({ kind: "Status", message: "the server rejected our request", reason: "Invalid", details });
    expect(respond(422, status({})).kind).toBe("TestFailed");
    expect(respond(422, status({ causes: [{ field: "spec.replicas" }] })).kind).toBe("Invalid");
  });

  test.each([
    ['{"kind":"Status","reason":"NotFound","details":{"name":"demo-worker-cpu-0","kind":"pods"},"code":404}', true],
    ['{"kind":"Status","reason":"NotFound","details":{},"code":404}', false],
    ["404 page not found\n", false],
    ["", false],
  ])("404 with %s names the object: %s", (body, expected) => expect(respond(404, body).namesObject).toBe(expected));

  test("the message says what was called and what the API said", () => {
    expect(respond(403, JSON.stringify({ message: 'slurmclusters "demo" is forbidden' })).message).toBe(
      'GET /x: 403 slurmclusters "demo" is forbidden',
    );
    expect(respond(404, "404 page not found\n").message).toBe("GET /x: 404 404 page not found");
    expect(respond(500).message).toBe("GET /x: 500 no explanation");
    expect(respond(502, "null").message).toBe("GET /x: 502 null");
  });

  test.each([
    ["1", 1000],
    ["0", 0],
    ["Thu, 01 Jan 2026 00:00:05 GMT", 5000],
    ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
    ["soon", undefined],
  ])("Retry-After %j is %s ms", (header, milliseconds) =>
    expect(respond(429, "", header).retryAfter).toBe(milliseconds),
  );
});

test.each([
  ["ECONNREFUSED", "Network", "retry"],
  ["ENOTFOUND", "Network", "retry"],
  ["ECONNRESET", "Network", "retry"],
  ["CERT_HAS_EXPIRED", "Tls", "doubt"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "Tls", "doubt"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "Tls", "doubt"],
  ["EPROTO", "Network", "retry"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "Network", "retry"],
])("a socket error %s is %s: %s", (code, kind, policy) => {
  const cause = Object.assign(new Error("it broke"), { code });
  const error = errorFromSocket("GET /x", cause);
  expect(error).toMatchObject({ kind, cause });
  expect(error.message).toContain(`it broke (${code})`);
  expect(retryPolicy(error.kind)).toBe(policy);
});
