// One request and its response in a plain form that every host can provide without building a web Request.
import type { ErrorCode } from "../../errors.js";

/**
 * The request's body, before any check.
 * @example
 * const none: RequestBody = { kind: "none" };
 * const parsed: RequestBody = { kind: "parsed", value: { login, password } };
 * const streamed: RequestBody = { kind: "stream", read: async (limitBytes) => bytes.subarray(0, limitBytes) };
 */
export type RequestBody =
  | {
      /** `none`, `stream` if nothing has read it, or `parsed` if the host's body parser has. */
      readonly kind: "none";
    }
  /** Read on demand. Rejects with `payload_too_large`, `request_timeout`, or `invalid_request` when cut short. */
  | {
      readonly kind: "stream";
      /** Reads the body. Rejects with `payload_too_large` past the limit. */
      read(limitBytes: number): Promise<Uint8Array>;
    }
  /** The value of a body parser of the host that ran before. Text and bytes count as not parsed yet. */
  | {
      readonly kind: "parsed";
      /** The value of the host's body parser. */
      readonly value: unknown;
    };

/** The part of a request that a guard reads. */
export interface RequestHead {
  /** In capitals, as sent. */
  readonly method: string | undefined;
  /** Returns a header by its name in lower case. Repeated ones are joined with a comma, cookies with a semicolon. */
  header(name: string): string | undefined;
  /** Each raw Authorization value separately. */
  readonly authorization: readonly string[];
}

/**
 * A request on the plain shape that `ampho.host.handle` takes from every framework.
 * @example
 * const request: HttpRequest = {
 *   id: "7d3f",
 *   method: "GET",
 *   target: "/api/security/session",
 *   peerAddress: "203.0.113.7",
 *   authorization: [`Bearer ${token}`],
 *   header: (name) => headers.get(name) ?? undefined,
 *   body: { kind: "none" },
 * };
 * const { status } = await ampho.host.handle(request);
 */
export interface HttpRequest extends RequestHead {
  /** The `X-Request-Id` of the response, where the host has set one. */
  readonly id?: string;
  /** In capitals, as sent. */
  readonly method: string;
  /** The request target (RFC 9112 §3.2) as sent: path and query, or a whole URL. It still has the host's mount path. */
  readonly target: string;
  /** The address of the socket's other end, if the host knows it. */
  readonly peerAddress: string | undefined;
  /** The body, before any check. */
  readonly body: RequestBody;
}

/** The response to send. */
export interface HttpResponse {
  /** The status code. */
  readonly status: number;
  /** The headers, except `Set-Cookie`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set-Cookie values, one header each. */
  readonly cookies?: readonly string[];
  /** The text, nearly always JSON. It is undefined for 204, for a redirect and for HEAD. */
  readonly body: string | undefined;
  /** For the access log only: the pattern of the route, with its prefix. */
  readonly route?: string;
  /** For the access log only: the code of the error. */
  readonly error?: ErrorCode;
}
