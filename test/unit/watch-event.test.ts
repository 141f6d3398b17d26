import { describe, expect, test } from "vitest";
import { type KubernetesError, retryPolicy } from "../../src/kubernetes/errors.ts";
import { nameOf, namespacedNameOf, parseWatchEvent } from "../../src/kubernetes/watch-event.ts";

const parse = (event: unknown) =>
  parseWatchEvent("GET /x", typeof event === "string" ? event : JSON.stringify(event), 0);
const object = { kind: "Pod", metadata: { name: "a", resourceVersion: "7" } };

test.each([
  ["ADDED", { kind: "changed", key: "a", resourceVersion: "7", object }],
  ["MODIFIED", { kind: "changed", key: "a", resourceVersion: "7", object }],
  ["DELETED", { kind: "deleted", key: "a", resourceVersion: "7" }],
])("%s", (type, event) => expect(parse({ type, object })).toEqual(event));

test("a bookmark is an object with nothing but a version", () => {
  const bookmark = { kind: "Pod", apiVersion: "v1", metadata: { resourceVersion: "12746", creationTimestamp: null } };
  expect(parse({ type: "BOOKMARK", object: bookmark })).toEqual({ kind: "bookmark", resourceVersion: "12746" });
});

describe("what is no event is an error of a kind", () => {
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" };
  test.each<[string, unknown, KubernetesError["kind"], RegExp]>([
    [
      "410",
      {
        type: "ERROR",
        object: { ...status, message: "too old resource version: 1 (7)", reason: "Expired", code: 410 },
      },
      "Gone",
      /^GET \/x: 410 too old resource version/,
    ],
    [
      "a version from the future, as after etcd was restored from a backup",
      { type: "ERROR", object: { ...status, message: "Too large resource version", reason: "Timeout", code: 504 } },
      "ServerError",
      /504 Too large/,
    ],
    ["an error that says nothing", { type: "ERROR", object: null }, "ServerError", /500/],
    ["half a line", '{"type":"ADDED","object":{"metadata":{"name":"a"', "Malformed", /is not JSON/],
    ["nothing", "null", "Malformed", /not an event/],
    ["a type from the future", { type: "RENAMED", object }, "Malformed", /not an event.*RENAMED/],
    ["an object without a name", { type: "ADDED", object: { metadata: { resourceVersion: "7" } } }, "Malformed", /not/],
    ["an object without a version", { type: "ADDED", object: { metadata: { name: "a" } } }, "Malformed", /not/],
    ["a bookmark without a version", { type: "BOOKMARK", object: { metadata: {} } }, "Malformed", /not/],
  ])("%s", (_what, event, kind, message) => {
    let thrown: KubernetesError | undefined;
    try {
      parse(event);
    } catch (error) {
      thrown = error as KubernetesError;
    }
    expect(thrown).toMatchObject({ name: "KubernetesError", kind, message: expect.stringMatching(message) });
    expect(retryPolicy(kind)).toBe("retry");
  });
});

test.each([undefined, null, 7, {}, { metadata: null }, { metadata: { name: "" } }, { metadata: { name: 7 } }])(
  "%j has no name",
  (thing) => expect(nameOf(thing)).toBeUndefined(),
);

test("objects of several namespaces are told apart by both names", () => {
  expect(namespacedNameOf({ metadata: { namespace: "n", name: "a" } })).toBe("n/a");
  expect(namespacedNameOf({ metadata: { name: "a" } })).toBeUndefined();
  expect(namespacedNameOf(null)).toBeUndefined();
  const changed = { type: "DELETED", object: { metadata: { namespace: "n", name: "a", resourceVersion: "7" } } };
  expect(parseWatchEvent("GET /x", JSON.stringify(changed), 0, namespacedNameOf)).toMatchObject({ key: "n/a" });
});
