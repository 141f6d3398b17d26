import { Agent, request as httpsRequest } from "node:https";

/** How to reach a kube-apiserver, and as whom. TLS is always verified, against `ca` alone. */
export interface ApiClientOptions {
  /** e.g. `https://127.0.0.1:23456` */
  readonly url: string;
  /** Certificate authority, PEM. */
  readonly ca: Buffer;
  /** A client certificate with its key (PEM), or a bearer token; nobody (system:anonymous) without either. */
  readonly credentials?: { readonly certificate: Buffer; readonly key: Buffer } | { readonly token: string };
  /** Shows up in the audit log. */
  readonly userAgent: string;
}

/** Verbs of the Kubernetes API; watches are not for this client. */
type ApiMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What goes with a request. */
interface ApiRequest {
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  /** @default "application/json" */
  readonly contentType?: string;
  /** @default "application/json" */
  readonly accept?: string;
}

/** An answer, whatever its status: a 404 is an answer too. */
export interface ApiResponse {
  readonly status: number;
  /** Parsed when the server says that it is JSON, else the text as a string. */
  readonly body: unknown;
}

/** A small client with keep-alive that tells exactly what the server answered; no retries. */
export interface ApiClient {
  /**
   * @param path with its query, e.g. `/api/v1/namespaces/default/pods?limit=1`
   * @throws Error when there is no answer: connection refused or reset, untrusted certificate, 30 s of silence
   */
  request(method: ApiMethod, path: string, request?: ApiRequest): Promise<ApiResponse>;
  /** Closes idle connections. */
  close(): void;
}

/** Makes a client; nothing is sent yet. It exists for tests and the demo, which look at single answers. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { credentials } = options;
  const agent = new Agent({
    keepAlive: true,
    ca: options.ca,
    ...(credentials !== undefined && "key" in credentials && { cert: credentials.certificate, key: credentials.key }),
  });
  const headers: Record<string, string> = { "user-agent": options.userAgent };
  if (credentials !== undefined && "token" in credentials) headers.authorization = `Bearer ${credentials.token}`;

  const request: ApiClient["request"] = (method, path, { body, contentType, accept } = {}) =>
    new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(new Error(`${method} ${path} failed`, { cause: error }));
      const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
      const outgoing = httpsRequest(new URL(path, options.url), {
        method,
        agent,
        timeout: 30_000,
        headers: {
          ...headers,
          accept: accept ?? "application/json",
          // Node sends the body of a DELETE without a length unless told it, and kube-apiserver then takes it for the next request.
          ...(text !== undefined && {
            "content-type": contentType ?? "application/json",
            "content-length": Buffer.byteLength(text),
          }),
        },
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer for 30 s")));
      outgoing.on("error", fail);
      outgoing.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
          try {
            resolve({ status: response.statusCode ?? 0, body: isJson ? (JSON.parse(text) as unknown) : text });
          } catch (error) {
            fail(error as Error);
          }
        });
      });
      outgoing.end(text);
    });
  return { request, close: () => agent.destroy() };
}
