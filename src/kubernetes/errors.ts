/**
 * What can go wrong with a call to the Kubernetes API, told apart by what a caller has to do about it.
 *
 * Sources: Kubernetes API conventions, "HTTP Status codes"; apimachinery `errors.go`; a real kube-apiserver 1.20, which answers a JSON
 * patch whose `test` failed with 422, reason Invalid and no causes, and a value its schema refuses with 422 and causes.
 */

/**
 * The kinds of failure; {@link retryPolicy} says for each whether to try again. "TestFailed": a `test` of a JSON patch did not hold,
 * so someone else changed the object first. "Gone": the version of a list or a watch is too old for the server, or the object's resource
 * has moved; what was listed must be listed anew. "Credentials": there was no call, as what proves who we are could not be had.
 * "Unexpected": an answer that a kube-apiserver does not give, such as a proxy's redirection.
 */
export type KubernetesErrorKind =
  | "Conflict"
  | "Credentials"
  | "Forbidden"
  | "Gone"
  | "Invalid"
  | "Malformed"
  | "Network"
  | "NotFound"
  | "ServerError"
  | "TestFailed"
  | "Throttled"
  | "Timeout"
  | "Tls"
  | "Unauthorized"
  | "Unexpected";

/** A failed call. `message` is complete: what was tried, and what the API or the network said. */
export class KubernetesError extends Error {
  override readonly name = "KubernetesError";
  readonly kind: KubernetesErrorKind;
  /** How long the server asks to wait before the next try (header Retry-After), in milliseconds. */
  readonly retryAfter: number | undefined;
  /** Whether the answer names the object that it is about, as the API itself does. A 404 of a proxy, or of a path that is not served, does not. */
  readonly namesObject: boolean;

  constructor(
    kind: KubernetesErrorKind,
    message: string,
    options: { cause?: unknown; retryAfter?: number | undefined; namesObject?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfter = options.retryAfter;
    this.namesObject = options.namesObject ?? false;
  }
}

/**
 * Whether a call that failed this way may succeed when repeated.
 *
 * - `retry`: yes, for as long as there is time.
 * - `doubt`: probably not. A kube-apiserver that has just started answers 403 and 404 until its caches are filled, certificates are
 *   replaced in steps, a login may be down for a moment: a few more tries tell an outage from a mistake.
 * - `final`: no.
 */
export type RetryPolicy = "retry" | "doubt" | "final";

const policies: Readonly<Record<KubernetesErrorKind, RetryPolicy>> = {
  Conflict: "retry",
  Gone: "retry",
  Malformed: "retry",
  Network: "retry",
  ServerError: "retry",
  TestFailed: "retry",
  Throttled: "retry",
  Timeout: "retry",
  // The token file is rotated under us: the next try reads it afresh.
  Unauthorized: "retry",
  Credentials: "doubt",
  Forbidden: "doubt",
  NotFound: "doubt",
  Tls: "doubt",
  Unexpected: "doubt",
  Invalid: "final",
};

/** The {@link RetryPolicy} of a kind of failure. */
export function retryPolicy(kind: KubernetesErrorKind): RetryPolicy {
  return policies[kind];
}

/** Makes the error for an HTTP answer that is not 2xx. `call` is for the message ("GET /apis/…"), `now` in epoch milliseconds. */
export function errorFromResponse(
  call: string,
  response: { readonly status: number; readonly retryAfter: string | undefined; readonly body: string },
  now: number,
): KubernetesError {
  const status = parseStatus(response.body);
  const kind = kindOfStatus(response.status, status.causes);
  const said = status.message ?? (response.body.trim().slice(0, 200) || "no explanation");
  return new KubernetesError(kind, `${call}: ${response.status} ${said}`, {
    retryAfter: parseRetryAfter(response.retryAfter, now),
    namesObject: status.namesObject,
  });
}

/** Makes the error for a request that got no answer; `cause` is what Node's socket or TLS layer threw. */
export function errorFromSocket(call: string, cause: unknown): KubernetesError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const kind = isTlsCode(code ?? "") ? "Tls" : "Network";
  const what = kind === "Tls" ? "the server's certificate is not trusted: " : "";
  return new KubernetesError(
    kind,
    `${call}: ${what}${code === undefined || message.includes(code) ? message : `${message} (${code})`}`,
    {
      cause,
    },
  );
}

function kindOfStatus(status: number, causes: number): KubernetesErrorKind {
  if (status === 401) return "Unauthorized";
  if (status === 403) return "Forbidden";
  if (status === 404) return "NotFound";
  if (status === 409) return "Conflict";
  if (status === 410) return "Gone";
  if (status === 422 && causes === 0) return "TestFailed";
  if (status === 429) return "Throttled";
  if (status === 408 || status >= 500) return "ServerError";
  // 407 and 425 are a proxy's, as are redirections.
  return status >= 400 && status !== 407 && status !== 425 ? "Invalid" : "Unexpected";
}

/** Reads the `Status` object that the API sends with every error; proxies and the server's own mux send plain text instead. */
function parseStatus(body: string): { message: string | undefined; causes: number; namesObject: boolean } {
  try {
    const status = JSON.parse(body) as { message?: unknown; details?: { causes?: unknown; name?: unknown } } | null;
    const { causes, name } = status?.details ?? {};
    return {
      namesObject: typeof name === "string" && name !== "",
      message: typeof status?.message === "string" ? status.message : undefined,
      causes: Array.isArray(causes) ? causes.length : 0,
    };
  } catch {
    return { message: undefined, causes: 0, namesObject: false };
  }
}

/** Retry-After is a number of seconds or an HTTP date (RFC 9110, 10.2.3). */
function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/**
 * Codes that say that a certificate is not to be trusted (nodejs.org/api/tls.html, "X509 certificate error codes"). A handshake that
 * fails otherwise (EPROTO, ERR_SSL_…) is a broken connection like any other: a load balancer without back ends answers in plain text.
 */
function isTlsCode(code: string): boolean {
  return /^(ERR_TLS_CERT|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/.test(
    code,
  );
}
