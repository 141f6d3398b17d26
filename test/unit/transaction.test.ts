import { describe, expect, test } from "vitest";
import { KubernetesError, type KubernetesErrorKind } from "../../src/kubernetes/errors.ts";
import type { SlurmCluster } from "../../src/kubernetes/slurm-cluster.ts";
import { recordRequest, TransactionError } from "../../src/scaling/transaction.ts";
import { slurmCluster } from "../support/slurm-cluster.ts";

type Answer = KubernetesErrorKind | KubernetesError | SlurmCluster | "ok";

/** Runs a transaction against scripted answers, each taking `duration` ms, on a clock that only answers and waits move. */
async function transact(
  answers: (call: number, method: string) => Answer,
  given: { deadline?: number; duration?: number } = {},
) {
  const { deadline = 20_000, duration = 10 } = given;
  const retries: { kind: KubernetesErrorKind; wait: number }[] = [];
  let clock = 0;
  let calls = 0;
  const outcome = recordRequest(
    {
      cluster: { namespace: "default", name: "demo" },
      action: "resume",
      names: ["demo-worker-cpu-0"],
      select: (resolved) => resolved,
      stillMeant: async (names) => names,
      observer: { onRead: () => {}, onRetry: ({ kind }, _attempt, wait) => retries.push({ kind, wait }) },
    },
    {
      api: async ({ method }) => {
        clock += duration;
        calls += 1;
        const answer = answers(calls, method);
        if (typeof answer === "string" && answer !== "ok")
          throw new KubernetesError(answer, `${method} failed: ${answer}`);
        if (answer instanceof KubernetesError) throw answer;
        return answer === "ok" ? {} : answer;
      },
      now: () => clock,
      random: () => 0.5,
      sleep: async (milliseconds) => {
        clock += milliseconds;
      },
      deadline,
      dryRun: false,
    },
  );
  const settled = await outcome.then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error: error as TransactionError }),
  );
  return { ...settled, retries, calls, clock };
}

const cluster = (generation = 1): SlurmCluster => {
  const made = slurmCluster([{ groupName: "cpu", replicas: 0 }]);
  return { ...made, metadata: { ...made.metadata, generation } };
};
const read = (method: string, rest: Answer): Answer => (method === "GET" ? cluster() : rest);

describe("recordRequest", () => {
  test("reads, patches and is done", async () => {
    const { value, calls } = await transact((_call, method) => read(method, "ok"));
    expect(calls).toBe(2);
    expect(value).toMatchObject({ attempts: 1, recorded: new Map([["cpu", new Set([0])]]) });
  });

  test.each<KubernetesErrorKind>([
    "Conflict",
    "Malformed",
    "Network",
    "ServerError",
    "Throttled",
    "Timeout",
    "Unauthorized",
  ])("%s is repeated until the deadline and then not final", async (kind) => {
    const { error, clock, retries } = await transact(() => kind);
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ final: false, kind });
    expect(error?.message).toMatch(/failed: .*; given up after \d+ tries/);
    expect(clock).toBeGreaterThan(17_000);
    expect(clock).toBeLessThanOrEqual(20_000);
    expect(retries.length).toBeGreaterThan(8);
  });

  test.each<KubernetesErrorKind>(["Credentials", "Forbidden", "NotFound", "Tls", "Unexpected"])(
    "%s is doubted for five seconds and then final",
    async (kind) => {
      const { error, clock } = await transact(() => kind);
      expect(error).toMatchObject({ final: true, kind });
      expect(clock).toBeGreaterThanOrEqual(5000);
      expect(clock).toBeLessThan(7100);
    },
  );

  test("doubt begins anew when another failure comes between", async () => {
    let last = 0;
    const { error, clock } = await transact((call) => {
      last = call;
      return call === 7 ? "Network" : "Forbidden";
    });
    expect(error).toMatchObject({ final: true, kind: "Forbidden" });
    expect(last).toBeGreaterThan(8);
    expect(clock).toBeGreaterThan(6500);
  });

  test("Invalid is final at once", async () => {
    const { error, calls } = await transact((_call, method) => read(method, "Invalid"));
    expect(error).toMatchObject({ final: true, kind: "Invalid" });
    expect(calls).toBe(2);
  });

  test("a failed test is repeated while the object changes, and refused when it does not", async () => {
    const changing = await transact((call, method) =>
      method === "GET" ? cluster(call) : call < 10 ? "TestFailed" : "ok",
    );
    expect(changing.value?.attempts).toBe(5);
    const unchanged = await transact((_call, method) => read(method, "TestFailed"));
    expect(unchanged.error).toMatchObject({ final: true, kind: "Invalid" });
    expect(unchanged.calls).toBe(4);
    const between = await transact((call, method) =>
      read(method, call === 4 ? "Network" : call < 7 ? "TestFailed" : "ok"),
    );
    expect(between.value?.attempts).toBe(4);
  });

  test("Retry-After is waited for, unless it goes past the deadline", async () => {
    const throttled = (retryAfter: number) => new KubernetesError("Throttled", "429", { retryAfter });
    const waited = await transact((call, method) => (call === 1 ? throttled(7000) : read(method, "ok")));
    expect(waited.retries).toEqual([{ kind: "Throttled", wait: 7025 }]);
    const tooLong = await transact(() => throttled(19_980));
    expect(tooLong.error).toMatchObject({ final: false, kind: "Throttled" });
    expect(tooLong.calls).toBe(1);
  });

  test("what is not the API's error is not repeated", async () => {
    const { error, calls } = await transact(() => {
      throw new TypeError("a defect");
    });
    expect(error).toBeInstanceOf(TypeError);
    expect(calls).toBe(1);
  });
});
