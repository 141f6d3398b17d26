/**
 * Leader election: of several candidates one at a time holds a Lease of coordination.k8s.io, and works.
 *
 * As in client-go (tools/leaderelection): the holder renews every two seconds and gives up ten seconds after its last success; the
 * others take the Lease when it has not changed for fifteen. Nobody compares clocks of two machines: each candidate measures on its own
 * monotonic clock how long the Lease has looked the same. Each write names the resourceVersion it was made from, so of two that write at
 * once one is refused.
 *
 * For moments there may be two leaders all the same (one that was frozen goes on before it looks at the clock), so what a leader does
 * must be harmless when done twice: names that are fixed, deletes by UID.
 */
import { KubernetesError } from "./errors.ts";
import type { Api } from "./request.ts";

/** What {@link leadWithLease} needs. Times are milliseconds. */
export interface LeaseOptions {
  /** With connections of its own: a renewal must not wait behind other calls. */
  readonly api: Api;
  readonly namespace: string;
  readonly name: string;
  /** This candidate, different from all others and from its own former lives: Pod name and a random part. */
  readonly identity: string;
  /** The wall clock in epoch milliseconds; only for the times in the Lease that people read. */
  readonly now: () => number;
  /** A clock that is never set and starts anywhere. */
  readonly monotonic: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Ends candidacy and leadership. */
  readonly signal: AbortSignal;
  /** Told who leads when that changes, this candidate included; undefined for nobody. */
  readonly onLeader: (identity: string | undefined) => void;
  /** Told the first of a row of failed calls. */
  readonly onProblem: (message: string) => void;
  /**
   * How long the others wait after the last sign of the holder. The next two are in proportion to it.
   *
   * @default 15_000
   */
  readonly leaseDuration?: number;
  /**
   * How long the holder goes on after its last success.
   *
   * @default 10_000
   */
  readonly renewDeadline?: number;
  /**
   * Time between two tries.
   *
   * @default 2_000
   */
  readonly retryPeriod?: number;
}

/** What a leader is given. */
export interface Leadership {
  /** Aborted when the leadership ends. */
  readonly signal: AbortSignal;
  /** Whether it still holds, by the clock and not by a timer: after a process was frozen the signal is late, this is not. */
  readonly isHeld: () => boolean;
}

/** The fields of a Lease that are used; everything else of the object is written back as it came. */
interface Lease {
  readonly metadata: { readonly resourceVersion: string; readonly [field: string]: unknown };
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number | null;
  };
}

type Spec = NonNullable<Lease["spec"]>;

/** Time that the release at the end may take: whoever ends us waits. */
const RELEASE_TIMEOUT = 1000;

/**
 * Waits for the Lease, then runs `lead` while it is held, renewing it beside. When `lead` has ended the Lease is given back, so that
 * the next candidate need not wait. Never rejects for a call that failed, only for what `lead` throws.
 *
 * @returns `ended` after `lead` ended by itself or `signal` was aborted, `lost` when the Lease was lost under `lead`
 */
export async function leadWithLease(
  options: LeaseOptions,
  lead: (leadership: Leadership) => Promise<void>,
): Promise<"ended" | "lost"> {
  const { monotonic, random, renewDeadline = 10_000, retryPeriod = 2000, signal, sleep } = options;
  const election = createElection(options);
  while (!(await election.acquire())) {
    // At random, so that candidates do not keep in step.
    await sleep(retryPeriod * (1 + random()), signal);
    if (signal.aborted) return "ended";
  }
  const isHeld = (): boolean => election.isOurs() && monotonic() - election.renewed() < renewDeadline;
  const lost = new AbortController();
  const done = new AbortController();
  const keep = async (): Promise<void> => {
    for (;;) {
      await sleep(Math.max(0, Math.min(retryPeriod, election.renewed() + renewDeadline - monotonic())), done.signal);
      if (done.signal.aborted) return;
      if (isHeld()) await election.renew();
      if (!isHeld()) return;
    }
  };
  // Whatever ends the renewals, a defect too, ends the leadership.
  const keeping = keep().finally(() => lost.abort());
  const leading = lead({ signal: AbortSignal.any([signal, lost.signal]), isHeld }).finally(() => done.abort());
  const results = await Promise.allSettled([leading, keeping]);
  const held = isHeld();
  if (held) await election.release();
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return held ? "ended" : "lost";
}

function createElection(options: LeaseOptions) {
  const { api, identity, monotonic, name, namespace, now, onLeader, onProblem, signal } = options;
  const { leaseDuration = 15_000, renewDeadline = 10_000, retryPeriod = 2000 } = options;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const path = `${collection}/${name}`;
  /** The Lease as it was last read or written, and when it was first seen like that. */
  let lease: Lease | undefined;
  let since = 0;
  let renewed = 0;
  let leader: string | undefined;
  let failing = false;

  const see = (object: unknown): Lease => {
    const seen = toLease(object, path);
    if (seen.metadata.resourceVersion !== lease?.metadata.resourceVersion) since = monotonic();
    lease = seen;
    const holder = seen.spec?.holderIdentity || undefined;
    if (holder !== leader) onLeader(holder);
    leader = holder;
    return seen;
  };
  const call = (timeout: number, method: "GET" | "POST" | "PUT", body?: object): Promise<unknown> =>
    api({
      method,
      path: method === "POST" ? collection : path,
      ...(body !== undefined && { contentType: "application/json", body: JSON.stringify(body) }),
      // Not the candidate's own signal: a write that is cut off may have been carried out, and then nobody would give the Lease back.
      signal: AbortSignal.timeout(Math.ceil(timeout)),
    });
  const meta = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };

  /** Writes the Lease on top of the one last seen, which makes it ours if nobody else was faster. */
  const hold = async (timeout: number): Promise<void> => {
    const started = monotonic();
    const time = microTime(now());
    const before: Spec = lease?.spec ?? {};
    const ours = before.holderIdentity === identity;
    const spec: Spec = {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(leaseDuration / 1000)),
      acquireTime: ours ? (before.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: lease === undefined ? 0 : (before.leaseTransitions ?? 0) + (ours ? 0 : 1),
    };
    see(
      lease === undefined
        ? await call(timeout, "POST", { ...meta, metadata: { name, namespace }, spec })
        : await call(timeout, "PUT", { ...meta, metadata: lease.metadata, spec }),
    );
    renewed = started;
  };
  const read = async (timeout: number): Promise<void> => {
    try {
      see(await call(timeout, "GET"));
    } catch (error) {
      if (!(error instanceof KubernetesError && error.kind === "NotFound")) throw error;
      lease = undefined;
    }
  };
  const isFree = (): boolean => {
    const { holderIdentity, leaseDurationSeconds } = lease?.spec ?? {};
    if (!holderIdentity || holderIdentity === identity) return true;
    // The holder may have been started with a longer duration than ours.
    return monotonic() - since > Math.max(leaseDuration, (leaseDurationSeconds ?? 0) * 1000);
  };
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      const result = await work();
      failing = false;
      return result;
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      // Somebody else was faster, which is what the version is for.
      if (error.kind !== "Conflict" && !failing && !signal.aborted) {
        failing = true;
        onProblem(`Lease ${namespace}/${name}: ${error.message}`);
      }
      return undefined;
    }
  };

  return {
    /** When the last successful write began, on the monotonic clock. */
    renewed: () => renewed,
    /** One try to get the Lease. */
    acquire: async (): Promise<boolean> =>
      (await attempt(async () => {
        await read(renewDeadline / 2);
        if (signal.aborted || !isFree()) return false;
        await hold(renewDeadline / 2);
        return true;
      })) ?? false,
    /** Whether it was so when last seen. */
    isOurs: () => leader === identity,
    /** One try to keep it. */
    renew: async (): Promise<void> => {
      const timeLeft = (): number => Math.max(1, Math.min(renewed + renewDeadline - monotonic(), retryPeriod * 2));
      const kept = await attempt(async () => {
        await hold(timeLeft());
        return true;
      });
      // A write of ours may have gone through without an answer, which makes the version that we know an old one.
      if (kept === undefined) await attempt(() => read(timeLeft()));
    },
    /** Gives it back: without a holder the next candidate takes it at once. */
    release: async (): Promise<void> => {
      if (lease === undefined) return;
      const { holderIdentity: _ours, ...rest } = lease.spec ?? {};
      const body = { ...meta, metadata: lease.metadata, spec: { ...rest, renewTime: microTime(now()) } };
      await attempt(async () => see(await call(RELEASE_TIMEOUT, "PUT", body)));
    },
  };
}

function toLease(object: unknown, path: string): Lease {
  const { metadata } = (object ?? {}) as Partial<Lease>;
  if (typeof metadata?.resourceVersion === "string") return object as Lease;
  throw new KubernetesError("Malformed", `the API answered for ${path} with something that is not a Lease`);
}

/** Kubernetes' MicroTime (apimachinery pkg/apis/meta/v1/micro_time.go): exactly six digits. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}
