// One request and its answer in a plain shape that every host can give without building a web Request.
import type { ErrorCode } from "../../errors.js";

/** The request's body, before anything of it was believed. */
export type RequestBody =
  | { readonly kind: "none" }
  /** Read on demand: rejects with `payload_too_large` past the limit, `request_timeout`, or `invalid_request` when cut short. */
  | { readonly kind: "stream"; read(limitBytes: number): Promise<Uint8Array> }
  /** A body parser of the host ran before: its value (text and bytes count as not parsed yet). */
  | { readonly kind: "parsed"; readonly value: unknown };

/** What a guard may look at. */
export interface RequestHead {
  /** In capitals, as sent. */
  readonly method: string | undefined;
  /** A field's value by its name in lower case; several of one name joined by ", ", cookies by "; ". */
  header(name: string): string | undefined;
  /** Each raw Authorization value by itself. */
  readonly authorization: readonly string[];
}

export interface HttpRequest extends RequestHead {
  /** `X-Request-Id` of its answer, where the host has set one. */
  readonly id?: string;
  readonly method: string;
  /** The request target of RFC 9112 §3.2 as sent: path and query, or a whole URL; never shortened by a host's mount path. */
  readonly target: string;
  /** The address of the socket's other end, if the host knows it. */
  readonly peerAddress: string | undefined;
  readonly body: RequestBody;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Set-Cookie values, each a field of its own. */
  readonly cookies?: readonly string[];
  /** JSON text; undefined where there is none, and for HEAD. */
  readonly body: string | undefined;
  /** For the access log, never sent as such: the route's pattern under its prefix, and the error's code. */
  readonly route?: string;
  readonly error?: ErrorCode;
}
